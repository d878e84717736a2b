import { type Bus, type BusStatus, connectBus, SpecfleetError } from '@specfleet/shared/boot'
import { backoffMs } from './backoff.ts'
import type { Wire } from './boot.ts'
import type { Clock } from './clock.ts'

const WAIT = { baseMs: 50, capMs: 2_000 }

export type ConnectOptions = {
  /** How long to try. */
  limitMs: number
  clock: Clock
  signal: AbortSignal
  onStatus: (status: BusStatus) => void
}

/**
 * Connects, and keeps trying while the bus is not there: its forwarder may be about to come back.
 *
 * @throws SpecfleetError `bus.refused`, `bus.too-old` at once, `bus.unreachable` when the time is over
 */
export async function reachBus(wire: Wire, options: ConnectOptions): Promise<Bus> {
  const { limitMs, clock, signal, onStatus } = options
  const creds = wire.BUS_CREDS_B64 === undefined ? {} : { creds: Buffer.from(wire.BUS_CREDS_B64, 'base64').toString() }
  const deadline = clock.monotonic() + limitMs
  for (let failures = 1; ; failures++) {
    try {
      return await connectBus({
        url: wire.BUS_URL,
        ...creds,
        name: `worker ${wire.RUN_ID}.${wire.RUN_EPOCH}`,
        onStatus,
      })
    } catch (thrown) {
      const again = thrown instanceof SpecfleetError && thrown.retryable
      if (!again || clock.monotonic() >= deadline) throw thrown
      await clock.sleep(backoffMs(failures, clock.random(), WAIT), signal)
    }
  }
}
