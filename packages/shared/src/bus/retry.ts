import { SpecfleetError } from '../contract/errors.ts'
import type { NatsBus } from './nats-bus.ts'

const FIRST_MS = 50
const MOST_MS = 2_000

/** Milliseconds before the attempt after `failures` of them; `random` is from 0 to 1. */
export const retryDelay = (failures: number, random: number): number =>
  Math.min(MOST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 10)) * (0.5 + random / 2)

/** Whether the server was merely away: what was asked may be asked again. */
const isAway = (error: unknown): error is SpecfleetError =>
  error instanceof SpecfleetError && (error.code === 'bus.unreachable' || error.code === 'bus.timeout')

/**
 * Repeats an attempt while the server is away: waits for the connection, then for a
 * jittered moment. Gives up when the bus is closed, the signal aborts or `limitMs` is over.
 */
export async function retrying<T>(
  bus: NatsBus,
  options: { signal?: AbortSignal; limitMs?: number },
  attempt: () => Promise<T>,
): Promise<T> {
  const { signal, limitMs } = options
  const limit = limitMs === undefined ? undefined : performance.now() + limitMs
  for (let failures = 1; ; failures += 1) {
    signal?.throwIfAborted()
    try {
      return await attempt()
    } catch (error) {
      signal?.throwIfAborted()
      if (!isAway(error)) throw error
      if (bus.nats.isClosed()) throw bus.closedError()
      const left = limit === undefined ? Number.POSITIVE_INFINITY : limit - performance.now()
      if (left <= 0) throw error
      await whileAway(bus, Math.min(left, retryDelay(failures, Math.random())), left, signal)
    }
  }
}

async function whileAway(bus: NatsBus, ms: number, left: number, signal: AbortSignal | undefined): Promise<void> {
  if (bus.connected) return pause(ms, signal)
  const signals = [
    ...(signal ? [signal] : []),
    ...(Number.isFinite(left) ? [AbortSignal.timeout(Math.ceil(left))] : []),
  ]
  await bus.whenConnected(AbortSignal.any(signals))
}

/** Resolves after so many milliseconds, or at once when the signal aborts. */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted) return Promise.resolve()
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  const onAbort = (): void => resolve()
  signal?.addEventListener('abort', onAbort, { once: true })
  return promise.finally(() => {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  })
}
