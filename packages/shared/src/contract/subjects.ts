import type { Epoch, RunId, SpecId } from './ids.ts'
import type { Priority, TaskKind } from './task.ts'

/** JetStream streams. */
export const STREAMS = {
  tasks: 'SF_TASKS',
  log: 'SF_LOG',
  trace: 'SF_TRACE',
  turns: 'SF_TURNS',
  dead: 'SF_DEAD',
} as const

/** KV buckets and the object store. */
export const BUCKETS = {
  runs: 'sf_runs',
  orchestrators: 'sf_orchestrators',
  specs: 'sf_specs',
  memory: 'sf_memory',
  runBlobs: 'sf_run_blobs',
  blobs: 'sf_blobs',
} as const

/** Durable consumers. */
export const DURABLES = {
  intake: (priority: Priority) => `intake-${priority}`,
} as const

/** Services a sandbox may ask its desk for. */
export const DESK_SERVICES = ['resume', 'blob', 'model', 'memory'] as const
export type DeskService = (typeof DESK_SERVICES)[number]

type Scope = { specId: SpecId | '*'; runId: RunId | '-' | '*'; epoch: number | '*' }

/** Every subject of the orchestrators' account; the sandbox sees its own under the same names. */
export const subjects = {
  task: (priority: Priority | '*', kind: TaskKind | '*') => `sf.task.${priority}.${kind}`,
  tasks: 'sf.task.*.*',
  log: (scope: Scope, type: string) => `sf.log.${scope.specId}.${scope.runId}.${scope.epoch}.${type}`,
  logs: 'sf.log.>',
  logOfSpec: (specId: SpecId) => `sf.log.${specId}.>`,
  trace: (scope: Scope, type: string) => `sf.trace.${scope.specId}.${scope.runId}.${scope.epoch}.${type}`,
  traces: 'sf.trace.>',
  turn: (scope: Scope) => `sf.turn.${scope.specId}.${scope.runId}.${scope.epoch}`,
  turns: 'sf.turn.>',
  dead: (reason: string) => `sf.dead.${reason}`,
  deads: 'sf.dead.>',
  beat: (runId: RunId | '*', epoch: Epoch | '*') => `sf.beat.${runId}.${epoch}`,
  control: (runId: RunId, epoch: Epoch) => `sf.ctl.${runId}.${epoch}`,
  /** A worker confirms a control message here: a sandbox cannot answer into another account's reply subject. */
  taken: (runId: RunId | '*', epoch: Epoch | '*') => `sf.desk.${runId}.${epoch}.taken`,
  /** Opens a duplex call; taken by one member of the desk's queue group. */
  desk: (runId: RunId | '*', epoch: Epoch | '*', service: DeskService | '*') => `sf.desk.${runId}.${epoch}.${service}`,
  /** Later frames of that call on their way up, to the one who took it. */
  deskFrames: (runId: RunId, epoch: Epoch, service: DeskService, call: string) =>
    `sf.desk.${runId}.${epoch}.${service}.${call}`,
  /** Where desks ask each other whose a call is, by the subject of its frames. */
  serving: (frames: string) => frames.replace(/^sf\.desk\./, 'sf.serving.'),
  down: (runId: RunId, epoch: Epoch, call: string) => `sf.down.${runId}.${epoch}.${call}`,
  api: (operation: ApiOperation) => `sf.api.${operation}`,
} as const

export const API_OPERATIONS = ['submit', 'get', 'list', 'command', 'watch'] as const
export type ApiOperation = (typeof API_OPERATIONS)[number]

/** The subject's parts behind `sf.log.` or `sf.trace.`; `undefined` when it is none. */
export function parseScopedSubject(
  subject: string,
): { specId: string; runId: string; epoch: number; type: string } | undefined {
  const [root, family, specId, runId, epoch, ...type] = subject.split('.')
  if (root !== 'sf' || (family !== 'log' && family !== 'trace' && family !== 'turn')) return undefined
  if (specId === undefined || runId === undefined || epoch === undefined) return undefined
  return { specId, runId, epoch: Number(epoch), type: type.join('.') }
}

/** `sf.beat.<runId>.<epoch>` and `sf.desk.<runId>.<epoch>.…` name an incarnation in the same place. */
export function parseIncarnation(subject: string): { runId: string; epoch: number } | undefined {
  const [root, , runId, epoch] = subject.split('.')
  if (root !== 'sf' || runId === undefined || epoch === undefined) return undefined
  const count = Number(epoch)
  return Number.isInteger(count) ? { runId, epoch: count } : undefined
}
