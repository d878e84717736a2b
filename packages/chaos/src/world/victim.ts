import type { Stopped } from '../points/relay.ts'
import type { World } from './world.ts'

/** By which sandboxes of a world can be made. */
export const PROVIDERS = ['process', 'process-unsafe', 'docker'] as const
export type Provider = (typeof PROVIDERS)[number]

/** What is killed, or made to fail, while the world stands at a point. */
export const VICTIMS = [
  'worker',
  'sandbox',
  'engine',
  'orchestrator',
  'orchestrators',
  'nats',
  'nats-frozen',
  'forwarder',
  'zombie-worker',
  'zombie-orchestrator',
  'disk-full',
  'clock-jump',
] as const
export type VictimName = (typeof VICTIMS)[number]

/** The world as it is when it is struck. */
export type Scene = {
  readonly world: World
  /** Who stands at the point; nobody when the time was up to chance. */
  readonly stopped: Stopped | undefined
  /** How long a server stays frozen, in milliseconds. */
  readonly freezeMs: number
  readonly signal: AbortSignal
}

export type Blow =
  /** There is no such victim now, and why. */
  | { readonly kind: 'none'; readonly why: string }
  | {
      readonly kind: 'struck'
      /** Whether what stands at the point is lost with its speaker or its listener. */
      readonly cuts: boolean
      /**
       * Called when the connection goes on, or is cut. Does what comes next from outside, and settles once the
       * world is over it: with the recovery time in milliseconds, where there is one to tell.
       */
      aftermath(): Promise<Recovery>
    }

export type Recovery = {
  /** How many blows it was to those who were not struck themselves. Default 1. */
  readonly blows?: number
  readonly recoveryMs?: number
  /** What was seen of a zombie's end: its last line, or that there was none. */
  readonly lastLine?: string
}

export interface Victim {
  readonly name: VictimName
  /** How long the world stands still because of it alone: a trial may take so much longer. */
  outageMs(options: { readonly freezeMs: number }): number
  /** Tools answer otherwise because of it: how much the model then reads, and finds out by it, is not compared. */
  readonly toldToModel?: true
  /** What its world needs from the beginning. */
  readonly prepare?: () => Promise<Readonly<Record<string, string>>>
  strike(scene: Scene): Promise<Blow>
}

export const none = (why: string): Blow => ({ kind: 'none', why })
