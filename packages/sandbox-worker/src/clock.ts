import { setTimeout as delay } from 'node:timers/promises'
import { hostNowMs } from '@specfleet/shared/boot'

/** Time and chance, passed in wherever they are needed. */
export type Clock = {
  /** Wall-clock time, for what is written down. */
  now(): Date
  /** Milliseconds that never jump, for what is measured. */
  monotonic(): number
  /** The same, in the same milliseconds for all processes of the host. */
  host(): number
  /** Rejects with the signal's reason when it fires first. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
  /** From 0 up to, but not including, 1. */
  random(): number
}

export const systemClock: Clock = {
  now: () => new Date(),
  monotonic: () => performance.now(),
  host: hostNowMs,
  sleep: async (ms, signal) => {
    try {
      await delay(ms, undefined, { signal })
    } catch (thrown) {
      throw signal.aborted ? signal.reason : thrown
    }
  },
  random: Math.random,
}
