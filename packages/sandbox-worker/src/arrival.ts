import type { Bus } from '@specfleet/shared/boot'
import type { Assignment, Birth } from './boot.ts'
import { systemClock as clock } from './clock.ts'
import { reachBus } from './connect.ts'
import type { CutWatch } from './link/cut.ts'
import { type Link, openLink } from './link.ts'
import { WORKER_VERSION } from './version.ts'

/** A worker on the bus: it is heard, and hears orders. */
export type Arrived = { readonly bus: Bus; readonly link: Link }

/**
 * From knowing what it is to being on the bus; the same in earnest and in rehearsal.
 * @throws SpecfleetError `bus.refused`, `bus.too-old`, `bus.unreachable`
 */
export async function arrive({ wire, cutLimitMs }: Birth, cut: CutWatch): Promise<Arrived> {
  const { signal, onStatus } = cut
  const bus = await reachBus(wire, { limitMs: cutLimitMs, clock, signal, onStatus })
  const { SPEC_ID: specId, RUN_ID: runId, RUN_EPOCH: epoch, LOG_LEVEL: level } = wire
  return { bus, link: openLink(bus, { scope: { specId, runId, epoch }, clock, level, signal }) }
}

/** Settles when the log has it. */
export function sayReady(link: Link, { path }: Assignment, { atMs }: Birth): Promise<void> {
  const bootMs = Math.round(performance.now() - atMs)
  return link.state({ type: 'run.ready', data: { bootMs, worker: WORKER_VERSION, path } })
}
