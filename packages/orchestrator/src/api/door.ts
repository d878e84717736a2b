import type { ApiOperation, Bus, BusMessage } from '@specfleet/shared'
import { describeIssues, SpecfleetError, subjects, toSpecfleetError } from '@specfleet/shared'
import type { z } from 'zod'
import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'

type Collaborators = { readonly bus: Bus; readonly clock: Clock; readonly log: Log }
/** Answers a request, in one part or in several. */
export type Responder = (
  message: BusMessage,
  reply: (answer: { ok: true } & Record<string, unknown>) => void,
) => Promise<void>

/**
 * Serves one operation of `sf.api`, as one of many. Whatever goes wrong becomes an answer
 * with the error's code; a caller never waits in vain for one that was received.
 */
export function serveOperation(
  { bus, clock, log }: Collaborators,
  operation: ApiOperation,
  respond: Responder,
): Disposable {
  return bus.subscribe(
    subjects.api(operation),
    async (message) => {
      const startedAt = clock.monotonic()
      let code = 'ok'
      try {
        await respond(message, (answer) => message.respond(JSON.stringify(answer)))
      } catch (thrown) {
        const error = toSpecfleetError(thrown)
        code = error.code
        if (code === 'internal') log.error('api.failed', { operation, error: thrown })
        message.respond(JSON.stringify({ ok: false, error: error.toWire() }))
      }
      log.info('api.answered', { operation, code, ms: Math.round(clock.monotonic() - startedAt) })
    },
    { queue: 'api', onError: (error) => log.error('api.not-answered', { operation, error }) },
  )
}

/** @throws SpecfleetError `request.malformed`. */
export function readRequest<T>(message: BusMessage, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(message.data.byteLength === 0 ? {} : jsonOf(message))
  if (!parsed.success) throw new SpecfleetError('request.malformed', describeIssues(parsed.error))
  return parsed.data
}

function jsonOf(message: BusMessage): unknown {
  try {
    return message.json()
  } catch (cause) {
    throw new SpecfleetError('request.malformed', 'it is not JSON', { cause })
  }
}
