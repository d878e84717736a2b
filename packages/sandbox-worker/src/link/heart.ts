import { BEAT_EVERY_MS, type Beat, type Bus, type Phase, subjects } from '@specfleet/shared/boot'
import type { Scope } from './scope.ts'

/** Where the run stands, as each beat tells it. */
export type Standing = { phase: Phase | null; turn: number }

/** Beats at once and then every second, until it is disposed. */
export function startHeart(
  bus: Pick<Bus, 'connected' | 'publishJson'>,
  scope: Scope,
  now: () => Date,
  standing: () => Standing,
): Disposable {
  let seq = 0
  const beat = () => {
    // A beat that arrives after a reconnection would tell of a moment long past.
    if (!bus.connected) return
    seq += 1
    const { phase, turn } = standing()
    const message: Beat = { seq, phase, turn, at: now().toISOString() }
    bus.publishJson(subjects.beat(scope.runId, scope.epoch), message)
  }
  beat()
  const timer = setInterval(beat, BEAT_EVERY_MS)
  return { [Symbol.dispose]: () => clearInterval(timer) }
}
