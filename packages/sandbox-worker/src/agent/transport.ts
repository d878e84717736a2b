import { describeIssues, ModelAnswer, type ModelRequest, SpecfleetError } from '@specfleet/shared'
import type { Desk } from '../desk.ts'

/** Silence of the upstream after which a call counts as dead; a streaming Messages API pings far more often. */
export const MODEL_IDLE_MS = 120_000

/** What the SDK believes to talk to. No such host exists: every request goes over the bus. */
export const MODEL_BASE_URL = 'http://model.invalid'

const BODILESS = new Set([101, 204, 205, 304])

/**
 * A `fetch` whose requests are served by the desk. As the SDK needs it, the body of a response errors
 * with the signal's reason when the signal fires, and it errors when the upstream goes silent.
 */
export function fetchThroughDesk(desk: Pick<Desk, 'call'>, idleMs = MODEL_IDLE_MS) {
  return async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const request = new Request(input, { ...init, duplex: 'half' })
    const url = new URL(request.url)
    const meta: ModelRequest = {
      method: request.method,
      path: `${url.pathname}${url.search}`,
      headers: Object.fromEntries(request.headers),
    }
    const body = new Uint8Array(await request.arrayBuffer())
    const signal = init.signal ?? request.signal
    const answer = await desk.call('model', meta, { body, signal, idleMs })
    const head = ModelAnswer.safeParse(answer.meta)
    if (!head.success) throw new SpecfleetError('model.upstream', describeIssues(head.error))
    const { status, headers } = head.data
    return new Response(BODILESS.has(status) ? null : answer.body, { status, headers })
  }
}
