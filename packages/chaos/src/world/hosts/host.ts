import type { FleetEngine } from '../../../../testkit/src/fleet-engine.ts'
import { processesOf } from '../../../../testkit/src/leaks.ts'
import type { Provider } from '../victim.ts'

/** What the sandboxes of one world run on: how what lives there is found and struck, and what is left of it. */
export type Host = FleetEngine & {
  readonly provider: Provider
  /** Ids of all processes of a sandbox, with those that keep its limits and its exit for it alone; none when it does not run. */
  processesOf(sandboxId: string): Promise<readonly number[]>
  /**
   * Settles with the last line of a sandbox's output when it has ended, which nobody may clear away before.
   * @throws Error when its end cannot be awaited
   */
  lastLineOf(sandboxId: string): Promise<string>
  /** What makes sandboxes and keeps them, where that is a process of its own. */
  readonly engine: KillableEngine | undefined
  /** What an ended fleet left there, in words, besides files and processes that name its folder. */
  remains(): Promise<readonly string[]>
}

/** An engine that serves nobody but its world. */
export type KillableEngine = {
  /** Kills all of it without warning; settles when it is gone. Sandboxes go on for the time being. */
  kill9(): Promise<void>
  /** Starts it again on the same data; settles when it answers. */
  restart(): Promise<void>
}

/** The process that carries the bus into the sandboxes of a host. */
export const forwarderOf = ({ root }: Host): number | undefined =>
  processesOf(root).find(({ command }) => command.includes('forwarder-main'))?.pid

export const lastLineIn = (text: string): string =>
  text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .at(-1) ?? ''
