import { type Beat, type Bus, type Phase, subjects, untilNextBeatMs } from '@specfleet/shared/boot'
import type { Clock } from '../clock.ts'
import type { Scope } from './scope.ts'

/** Where the run stands, as each beat tells it. */
export type Standing = { phase: Phase | null; turn: number }

/** Beats at once and then every second, together with others of this host, until it is disposed. */
export function startHeart(
  bus: Pick<Bus, 'connected' | 'publishJson'>,
  scope: Scope,
  clock: Pick<Clock, 'now' | 'host'>,
  standing: () => Standing,
): Disposable {
  let seq = 0
  let timer: NodeJS.Timeout
  const beat = () => {
    timer = setTimeout(beat, untilNextBeatMs(clock.host()))
    // A beat that arrives after a reconnection would tell of a moment long past.
    if (!bus.connected) return
    seq += 1
    const { phase, turn } = standing()
    const message: Beat = { seq, phase, turn, at: clock.now().toISOString() }
    bus.publishJson(subjects.beat(scope.runId, scope.epoch), message)
  }
  beat()
  return { [Symbol.dispose]: () => clearTimeout(timer) }
}
