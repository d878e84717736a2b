import {
  BlobAnswer,
  type Bus,
  type DeskService,
  describeIssues,
  LIVENESS_LIMIT_MS,
  newId,
  openCall,
  ResumeState,
  type Sha256,
  SpecfleetError,
  subjects,
  toSpecfleetError,
} from '@specfleet/shared'
import { backoffMs } from './backoff.ts'
import type { Clock } from './clock.ts'
import type { Scope } from './link/scope.ts'

export type Answer = { meta: unknown; body: ReadableStream<Uint8Array> }
export type CallOptions = { body?: Uint8Array; signal: AbortSignal }

/** What the trusted side does for this incarnation, on request. */
export interface Desk {
  /** One duplex call. @throws SpecfleetError `duplex.*`, `desk.*` */
  call(service: DeskService, meta: unknown, options: CallOptions): Promise<Answer>
  /** All that is needed to go on from the last acknowledged turn. */
  resume(signal: AbortSignal): Promise<ResumeState>
  /** A blob's bytes; that they match the hash is for the reader to check. @throws SpecfleetError `blob.*` */
  blob(sha256: Sha256, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>
}

/** Tries for a call that a desk answers at once if it is there. */
const MAX_TRIES = 8
const WAIT = { baseMs: 200, capMs: 5_000 }

export function openDesk(bus: Bus, scope: Scope, clock: Clock): Desk {
  const { runId, epoch } = scope
  const call: Desk['call'] = (service, meta, { body, signal }) => {
    const id = newId()
    const address = {
      open: subjects.desk(runId, epoch, service),
      up: subjects.deskFrames(runId, epoch, service, id),
      down: subjects.down(runId, epoch, id),
      call: id,
    }
    const request = body === undefined ? { meta } : { meta, body }
    // Whoever serves beats while it thinks; its silence is its death, and another one is there to ask.
    return openCall(bus, address, request, { signal, idleMs: LIVENESS_LIMIT_MS })
  }

  async function patiently<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
    for (let failures = 1; ; failures++) {
      try {
        return await ask()
      } catch (thrown) {
        signal.throwIfAborted()
        const error = toSpecfleetError(thrown)
        if (!error.retryable || failures >= MAX_TRIES) throw error
        await clock.sleep(backoffMs(failures, clock.random(), WAIT), signal)
      }
    }
  }

  return {
    call,
    resume: (signal) =>
      patiently(async () => {
        const answer = await call('resume', {}, { signal })
        const state = ResumeState.safeParse(await readJson(answer))
        if (!state.success) throw new SpecfleetError('request.malformed', `resume: ${describeIssues(state.error)}`)
        return state.data
      }, signal),
    blob: (sha256, signal) =>
      patiently(async () => {
        const answer = await call('blob', { op: 'get', sha256 }, { signal })
        const head = BlobAnswer.safeParse(answer.meta)
        if (!head.success) throw new SpecfleetError('request.malformed', `blob: ${describeIssues(head.error)}`)
        return answer.body
      }, signal),
  }
}

/** The resume state comes as the answer's body, for it may be larger than one frame; a small one may be its `meta`. */
async function readJson(answer: Answer): Promise<unknown> {
  const text = await new Response(answer.body).text()
  return text === '' ? answer.meta : JSON.parse(text)
}
