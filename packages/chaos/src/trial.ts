import type { Point, PointName } from './points/point.ts'
import type { VictimName } from './world/victim.ts'

/** One disturbance of one world. The same trial comes to the same verdict, whenever it is run. */
export type Trial = {
  /** Decides the work of the world and everything in it that is left to chance. */
  readonly seed: number
  readonly victim: VictimName
  readonly at: When
  /** Strikes again in every epoch of the run that stood there first, until that run is parked. Default `once`. */
  readonly strikes?: 'once' | 'every-epoch'
}

export type When =
  | { readonly kind: 'point'; readonly point: Point }
  /** So long after the first task was submitted, in milliseconds. */
  | { readonly kind: 'time'; readonly afterMs: number }

/** What is against an invariant, with the evidence. */
export type Violation = {
  /** Which promise: `settles once`, `same final state` ... */
  readonly promise: string
  /** One sentence. */
  readonly sentence: string
  readonly evidence: readonly string[]
}

export type Outcome = {
  readonly trial: Trial
  /** Empty when everything held. */
  readonly violations: readonly Violation[]
  /** From the blow until the world went on: the next epoch ready, the run adopted, the server answering again. */
  readonly recoveryMs: number | undefined
  /** Cold starts of this world, creation of the sandbox to `run.ready`, in milliseconds. */
  readonly coldStartsMs: readonly number[]
  readonly turnsPaidTwice: number
  /** Why nothing was struck: the victim does not exist at that point. */
  readonly skipped?: string
  readonly notes: readonly string[]
}

export type TrialOptions = {
  /** A trial that takes longer is itself a violation. Default 60 s, and the length of the blow on top. */
  readonly limitMs?: number
  /** How long a server stays frozen, in milliseconds. Default 30 s. */
  readonly freezeMs?: number
  /** Further variables of the orchestrators: a deployment's own configuration. */
  readonly env?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

/** The undisturbed run of a seed. */
export type Calm = {
  /** How often each point came by. */
  readonly seen: ReadonlyMap<PointName, number>
  readonly coldStartsMs: readonly number[]
  readonly ms: number
}
