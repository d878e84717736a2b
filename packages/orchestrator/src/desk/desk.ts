import type {
  Bus,
  CallAnswer,
  DeskService,
  ErrorCode,
  IncomingCall,
  PlacedRun,
  Records,
  Refuser,
} from '@specfleet/shared'
import { serveCalls, subjects, toSpecfleetError } from '@specfleet/shared'
import type { Clock } from '../clock.ts'
import type { RefusalBook } from '../ledger/refusals.ts'
import type { Log } from '../log.ts'
import { sparingly } from '../sparingly.ts'
import type { RunTable } from '../supervisor/run-table.ts'
import { answerBlob, type BlobDesk } from './blobs.ts'
import { incarnationOf, livingRun } from './incarnation.ts'
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
  readonly refusals: RefusalBook
  /** Answers model calls. */
  readonly model: (run: PlacedRun, call: IncomingCall) => Promise<CallAnswer>
}

/** Calls of one sandbox at a time: its agent works one model call at a time, with a little around it. */
const MOST_OF_A_SANDBOX: Record<DeskService, number> = { resume: 2, blob: 4, model: 4, memory: 2 }

const REFUSER = { resume: 'desk', memory: 'desk', blob: 'blob', model: 'model' } as const satisfies Record<
  DeskService,
  Refuser
>

/** What a sandbox is refused for what it asks, not for what befell its call. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set([
  'desk.forbidden',
  'desk.quota',
  'request.malformed',
  'blob.unknown',
  'blob.corrupt',
  'blob.too-large',
])

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
  { bus, table, clock, log, refusals }: DeskCollaborators,
  service: DeskService,
  answer: (run: PlacedRun, call: IncomingCall) => Promise<CallAnswer>,
): AsyncDisposable {
  const warn = sparingly(clock, (count, subject: string, reason: string) =>
    log.warn('desk.calls-refused', { count, subject, reason }),
  )
  const refuse = (subject: string, reason: string, count = 1) => {
    warn(subject, reason)
    const of = incarnationOf(table, subject)
    if (of !== undefined) refusals.note(of, { by: REFUSER[service], reason, count })
  }
  return serveCalls(bus, {
    subject: subjects.desk('*', '*', service),
    queue: 'desk',
    maxCallsPerPeer: MOST_OF_A_SANDBOX[service],
    onRefused: refuse,
    handler: async (call) => {
      try {
        return await answer(await livingRun(table, call.subject), call)
      } catch (thrown) {
        const error = toSpecfleetError(thrown)
        if (REFUSALS.has(error.code)) refuse(call.subject, error.message)
        else if (!call.signal.aborted) log.warn('desk.call-failed', { service, subject: call.subject, error })
        throw error
      }
    },
  })
}
