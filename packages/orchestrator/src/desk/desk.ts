import type { Bus, CallAnswer, DeskService, IncomingCall, PlacedRun, Records } from '@specfleet/shared'
import { serveCalls, subjects, toSpecfleetError } from '@specfleet/shared'
import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import { sparingly } from '../sparingly.ts'
import type { RunTable } from '../supervisor/run-table.ts'
import { answerBlob, type BlobDesk } from './blobs.ts'
import { livingRun } from './incarnation.ts'
import { answerMemory, type Memory } from './memory.ts'
import { type ResumeDesk, resumeState } from './resume.ts'

export type DeskCollaborators = {
  readonly bus: Bus
  readonly table: RunTable
  readonly clock: Clock
  readonly log: Log
  readonly resume: ResumeDesk
  readonly blobs: BlobDesk
  readonly memory: Records<Memory>
  /** Answers model calls. */
  readonly model: (run: PlacedRun, call: IncomingCall) => Promise<CallAnswer>
}

/** Calls of one sandbox at a time: its agent works one model call at a time, with a little around it. */
const MOST_OF_A_SANDBOX: Record<DeskService, number> = { resume: 2, blob: 4, model: 4, memory: 2 }

/**
 * Serves sandboxes: resume state, blobs, notes, model calls. Any orchestrator serves any
 * sandbox; every call is checked against the record of the run it says it is.
 */
export function openDesk(collaborators: DeskCollaborators): AsyncDisposable {
  const { resume, blobs, memory, model } = collaborators
  const answers: Record<DeskService, (run: PlacedRun, call: IncomingCall) => Promise<CallAnswer>> = {
    resume: async (run, call) => ({ meta: await resumeState(resume, run, call.signal) }),
    blob: (run, call) => answerBlob(blobs, run, call),
    memory: async (run, call) => ({ meta: await answerMemory(memory, run, call.meta) }),
    model,
  }
  const desks = new AsyncDisposableStack()
  for (const service of ['resume', 'blob', 'memory', 'model'] as const)
    desks.use(serve(collaborators, service, answers[service]))
  return desks
}

function serve(
  { bus, table, clock, log }: DeskCollaborators,
  service: DeskService,
  answer: (run: PlacedRun, call: IncomingCall) => Promise<CallAnswer>,
): AsyncDisposable {
  return serveCalls(bus, {
    subject: subjects.desk('*', '*', service),
    queue: 'desk',
    maxCallsPerPeer: MOST_OF_A_SANDBOX[service],
    onRefused: sparingly(clock, (count, subject: string, reason: string) =>
      log.warn('desk.calls-refused', { count, subject, reason }),
    ),
    handler: async (call) => {
      try {
        return await answer(await livingRun(table, call.subject), call)
      } catch (thrown) {
        const error = toSpecfleetError(thrown)
        if (!call.signal.aborted) log.warn('desk.call-failed', { service, subject: call.subject, error })
        throw error
      }
    },
  })
}
