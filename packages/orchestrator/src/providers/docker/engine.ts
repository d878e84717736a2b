import type { Clock } from '../../clock.ts'
import type { Log } from '../../log.ts'
import type { Fifos } from '../engine-folder/fifos.ts'
import type { EngineLayout } from '../engine-folder/layout.ts'
import type { Forwarder } from '../wire/forwarder.ts'
import type { ContainerUser } from './create-options.ts'
import type { Dialect } from './dialect.ts'
import type { EngineClient } from './engine-client.ts'
import type { ProvenImage } from './image.ts'

/** What making, finding and removing containers share. */
export type Engine = {
  readonly client: EngineClient
  readonly layout: EngineLayout
  readonly fleet: string
  /** Names the engine's folder on this host. */
  readonly folder: string
  /** As it is now: what is made later may be made of another. */
  readonly image: ProvenImage
  readonly user: ContainerUser
  readonly runtime: string | undefined
  /** Cores of its host. */
  readonly cores: number
  readonly dialect: Dialect
  /** The filter of system calls, as this engine takes it. */
  readonly filter: string
  /** How many processes the user of sandboxes may have over all of them, where the engine has to be told. */
  readonly userProcesses: number | undefined
  readonly wire: Forwarder
  readonly fifos: Fifos
  readonly clock: Clock
  readonly log: Log
}
