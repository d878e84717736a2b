import type {
  DeathCause,
  Demand,
  OrchestratorId,
  PlacedRun,
  RunId,
  RunRecord,
  SandboxId,
  Sha256,
} from '@specfleet/shared'
import type { Places, Wish } from '../engines/room.ts'
import type { Sandbox } from '../providers/provider.ts'

/** A run that has had a slot and can still change. */
export type ActiveRun = Exclude<RunRecord, { state: 'settled' | 'queued' }>
export type QueuedRecord = Extract<RunRecord, { state: 'queued' }>
export type ClaimedRun = Extract<RunRecord, { state: 'claimed' }>
export type StartingRun = Extract<RunRecord, { state: 'starting' }>
export type RunningRun = Extract<RunRecord, { state: 'running' }>
export type WaitingRun = Extract<RunRecord, { state: 'waiting' }>
export type ParkedRun = Extract<RunRecord, { state: 'parked' }>

/**
 * What is held in memory of a run that waits for its first slot: there may be very many.
 * The rest of its record is read when it gets one.
 */
export type QueuedRun = Pick<QueuedRecord, 'runId' | 'specId' | 'place' | 'changedAt'> &
  Pick<QueuedRecord['task'], 'projectId' | 'priority' | 'kind' | 'provider' | 'image'> & {
    /** The blob with its source. */
    readonly source: Sha256 | undefined
  }

export const queuedRun = ({ runId, specId, place, changedAt, source, task }: QueuedRecord): QueuedRun => ({
  runId,
  specId,
  place,
  changedAt,
  projectId: task.projectId,
  priority: task.priority,
  kind: task.kind,
  ...(task.provider === undefined ? {} : { provider: task.provider }),
  ...(task.image === undefined ? {} : { image: task.image }),
  source: source?.sha256,
})

/** One engine that we reach. */
export type EngineView = Places & {
  /** What it has; `undefined` while we cannot tell, and then its silence proves nothing. */
  readonly sandboxes: ReadonlyMap<SandboxId, Sandbox> | undefined
}

/** Everything a decision rests on. Times in milliseconds. */
export type World = {
  readonly me: OrchestratorId
  /** Those that we reach, by their names, in overflow order. */
  readonly engines: ReadonlyMap<string, EngineView>
  /** Where runs of ours have a place that have no sandbox yet. */
  readonly seats: ReadonlyMap<RunId, string>
  /** What a run asks of its engine. */
  readonly wish: (run: ActiveRun | QueuedRun) => Wish
  /** Of our own monotonic clock, as are all other points in time here: the wall clock may jump. */
  readonly now: number
  readonly draining: boolean
  /** Runs we may still take on. */
  readonly free: number
  readonly stopGraceMs: number
  /** The same for who is to pause. */
  readonly pauseGraceMs: number
  readonly adoptionGraceMs: number
  readonly runs: readonly ActiveRun[]
  /** Those that may have their first slot, the next one first; as many as could get one. */
  readonly queued: readonly QueuedRun[]
  /** Queued runs that the log does not want worked on any more. */
  readonly recalled: readonly QueuedRun[]
  /** Epoch of a settled run. */
  readonly settledEpoch: (runId: RunId) => number | undefined
  /** Runs that an action of ours is at work on: hands off. */
  readonly busy: ReadonlySet<RunId>
  /** How long an orchestrator has been dead; `undefined` while it lives. */
  readonly deadForMs: (owner: OrchestratorId) => number | undefined
  /** Silence of a worker that is over its limit. */
  readonly lateMs: (sandbox: SandboxId) => number | undefined
  readonly flooding: ReadonlySet<SandboxId>
  /** What a sandbox that is to end was asked for last. */
  readonly asked: ReadonlyMap<SandboxId, Asked>
  /** When a run that waits for a time may go on. */
  readonly dueAt: (run: WaitingRun & { until: string }) => number
  /** When a sandbox may be destroyed although a record of it could be on its way. */
  readonly expiresAt: (sandbox: Sandbox) => number
  /** What the log asks of a run; `undefined` while we have folded less than the record's writer had. */
  readonly demand: (run: ActiveRun) => Demand | undefined
}

/** How a running worker learns that it is to end; `nothing` where it knows by itself. */
export type Order = 'cancel' | 'pause' | 'drain' | 'nothing'
export type Asked = { readonly command: Order; readonly at: number }

/** Why an incarnation is to be ended, or has ended. */
export type Evidence =
  /** The engine has its exit report. */
  | { readonly kind: 'exited' }
  /** The engine does not have it any more. */
  | { readonly kind: 'vanished' }
  /** Our own verdict on one that may still live. */
  | {
      readonly kind: 'condemned'
      readonly cause: DeathCause
      /** Of whoever would not or could not have it, for people. */
      readonly words?: string
    }
  /** It was asked to end and is past its grace: no failure of its own. */
  | { readonly kind: 'overdue' }

/** The engine on which the run gets a place; `undefined` where it has one, or needs none since nothing is to be begun. */
type Seat = { readonly engine: string | undefined }

export type Action =
  /** Give a queued run a slot, or end it without one. */
  | ({ readonly kind: 'start'; readonly run: QueuedRun } & Seat)
  /** Make an unowned run ours. */
  | ({ readonly kind: 'take'; readonly run: WaitingRun } & Seat)
  /** A person spoke: let a parked run be taken again. */
  | { readonly kind: 'unpark'; readonly run: ParkedRun }
  /** Become the owner in place of a dead one. */
  | ({ readonly kind: 'adopt'; readonly run: ClaimedRun | PlacedRun; readonly from: OrchestratorId } & Seat)
  /** Fence and spawn the next epoch, or end the run, as the log demands. */
  | ({ readonly kind: 'advance'; readonly run: ClaimedRun } & Seat)
  /** Give a claimed run back. */
  | { readonly kind: 'release'; readonly run: ClaimedRun }
  /** The sandbox of an interrupted start runs after all. */
  | { readonly kind: 'confirm'; readonly run: StartingRun }
  /** Post-mortem, then settle, wait or park. */
  | { readonly kind: 'bury'; readonly run: PlacedRun; readonly evidence: Evidence }
  /** Tell a worker to end. */
  | { readonly kind: 'ask'; readonly run: RunningRun; readonly command: Order }
  /** A sandbox that belongs to nobody. */
  | { readonly kind: 'destroy'; readonly sandbox: Sandbox; readonly engine: string }
