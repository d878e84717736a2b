import type { Bus } from '@specfleet/shared/boot'
import type { Assignment, Birth } from './boot.ts'
import type { Clock } from './clock.ts'
import type { Link } from './link.ts'

/** A worker that is up: connected, heard, and with something to do. */
export type Session = {
  readonly assignment: Assignment
  readonly toolEnv: Birth['toolEnv']
  readonly bus: Bus
  readonly link: Link
  readonly clock: Clock
  /** Fires when the bus is gone for good. */
  readonly life: AbortSignal
}
