import { describeIssues, ModelAnswer, type ModelRequest, SpecfleetError } from '@specfleet/shared'
import type { Desk } from '../desk.ts'

/**
 * Silence in an answer after which the upstream counts as dead; a streaming Messages API pings far more
 * often. The call itself stays alive through it, for the desk is there: so it is watched for here.
 */
const MODEL_IDLE_MS = 120_000

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
    const answer = await desk.call('model', meta, { body, signal })
    const head = ModelAnswer.safeParse(answer.meta)
    if (!head.success) throw new SpecfleetError('model.upstream', describeIssues(head.error))
    const { status, headers } = head.data
    return new Response(BODILESS.has(status) ? null : impatient(answer.body, idleMs), { status, headers })
  }
}

/** The same stream, but it errors when nothing comes for so long. */
function impatient(body: ReadableStream<Uint8Array>, idleMs: number): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { promise: silence, reject } = Promise.withResolvers<never>()
        const error = new SpecfleetError('model.upstream', `it was silent for ${idleMs} ms`)
        const timer = setTimeout(() => reject(error), idleMs)
        try {
          const { done, value } = await Promise.race([reader.read(), silence])
          if (done) controller.close()
          else controller.enqueue(value)
        } catch (thrown) {
          controller.error(thrown)
          await reader.cancel(thrown)
        } finally {
          clearTimeout(timer)
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  )
}
