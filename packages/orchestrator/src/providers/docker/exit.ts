/** What the engine says of a container, and what that says of its end. Pure. */
import type { ExitReport } from '@specfleet/shared'
import * as z from 'zod'
import { wallClockSeconds } from '../limits.ts'
import { type EngineVerdict, exitReport } from '../post-mortem.ts'
import { type Identity, readIdentity } from './container.ts'

const Inspected = z.object({
  Id: z.string(),
  State: z.object({
    Status: z.string(),
    Pid: z.number(),
    ExitCode: z.number(),
    OOMKilled: z.boolean(),
    Error: z.string().default(''),
    StartedAt: z.string(),
    FinishedAt: z.string(),
  }),
  Config: z.object({ Labels: z.record(z.string(), z.string()).nullable() }),
})

/** One of our containers, as it is now. */
export type Container = {
  readonly containerId: string
  readonly identity: Identity
  /** Its worker was booted before there was a run for it. */
  readonly waited: boolean
  /** `made`: there, and never started. */
  readonly state: 'made' | 'running' | 'exited'
  /** Of its first process, as the host of the engine counts; 0 when it does not run. */
  readonly pid: number
  readonly end: ContainerEnd
}

export type ContainerEnd = {
  readonly code: number
  readonly oomKilled: boolean
  /** Why it could not be started, in the engine's words. */
  readonly error: string
  /** When it was told what to do: as it was started, or later. */
  readonly startedAt: string
  readonly finishedAt: string
}

/** What a container that waited has become, which its labels do not tell. */
export type Became = { readonly identity: Identity; readonly at: string }

/**
 * `undefined` for what is none of ours.
 * @param became instead of what its labels say
 * @throws ZodError when the engine speaks another language
 */
export function readContainer(inspected: unknown, became?: Became): Container | undefined {
  const { Id, State, Config } = Inspected.parse(inspected)
  const identity = became?.identity ?? readIdentity(Config.Labels ?? {})
  if (identity === undefined) return undefined
  return {
    containerId: Id,
    identity,
    waited: became !== undefined,
    state: stateOf(State.Status),
    pid: State.Pid,
    end: {
      code: State.ExitCode,
      oomKilled: State.OOMKilled,
      error: State.Error,
      startedAt: became?.at ?? State.StartedAt,
      finishedAt: State.FinishedAt,
    },
  }
}

/** @param status one of the engine's words: `created`, `running`, `paused`, `restarting`, `removing`, `exited`, `dead`; Podman has some more */
export const stateOf = (status: string): Container['state'] => STATES[status] ?? 'exited'

const STATES: Readonly<Record<string, Container['state']>> = {
  created: 'made',
  // Podman's: prepared for its start, and about to end.
  initialized: 'made',
  stopping: 'running',
  running: 'running',
  paused: 'running',
  restarting: 'running',
}

export type Remains = {
  readonly container: Container
  /** Why we ended it. */
  readonly ended: EngineVerdict | undefined
  /** The last of its output, as text. */
  readonly log: string
}

export function reportOf({ container, ended, log }: Remains): ExitReport {
  const { identity, end } = container
  const seconds = Math.max(0, Math.floor((Date.parse(end.finishedAt) - Date.parse(end.startedAt)) / 1000))
  return exitReport({
    exit: `${end.code} ${seconds}`,
    ended,
    log: end.error === '' ? log : `${log}\n${end.error}`,
    // Refused processes were counted with the container. Of memory the engine says so also when a child alone fell to the limit; the code tells whether the worker went with it.
    limits: { oomKills: end.oomKilled ? 1 : 0, pidsRefused: 0 },
    wallClockSeconds: wallClockSeconds(identity.limits),
  })
}
