import type { Clock } from '../../clock.ts'
import type { Log } from '../../log.ts'
import type { Fifos } from '../engine-folder/fifos.ts'
import type { EngineLayout } from '../engine-folder/layout.ts'
import type { Forwarder } from '../wire/forwarder.ts'
import type { Isolation } from './isolation.ts'
import type { Confiner } from './launch.ts'

/** What making, finding and removing sandboxes share. */
export type Engine = {
  readonly layout: EngineLayout
  readonly fleet: string
  /** `undefined` for sandboxes that are none, chosen by name. */
  readonly isolation: Isolation | undefined
  readonly confiner: Confiner
  readonly wire: Forwarder
  readonly fifos: Fifos
  readonly shim: string
  readonly workerBundle: string
  readonly clock: Clock
  readonly log: Log
}
