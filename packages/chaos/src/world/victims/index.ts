import type { Victim, VictimName } from '../victim.ts'
import { clockJump } from './clock-jump.ts'
import { diskFull } from './disk-full.ts'
import { engine } from './engine.ts'
import { forwarder } from './forwarder.ts'
import { nats, natsFrozen } from './nats.ts'
import { orchestrator } from './orchestrator.ts'
import { orchestrators } from './orchestrators.ts'
import { sandbox } from './sandbox.ts'
import { worker } from './worker.ts'
import { zombieOrchestrator } from './zombie-orchestrator.ts'
import { zombieWorker } from './zombie-worker.ts'

export const VICTIM_BY_NAME: Readonly<Record<VictimName, Victim>> = {
  worker,
  sandbox,
  engine,
  orchestrator,
  orchestrators,
  nats,
  'nats-frozen': natsFrozen,
  forwarder,
  'zombie-worker': zombieWorker,
  'zombie-orchestrator': zombieOrchestrator,
  'disk-full': diskFull,
  'clock-jump': clockJump,
}
