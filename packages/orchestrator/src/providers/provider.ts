import type { Epoch, ExitReport, Refuser, RunId, SandboxId, SpecId } from '@specfleet/shared'

/** Identity that survives our crash: an engine keeps it beside each sandbox. */
export type Labels = {
  readonly fleet: string
  readonly specId: SpecId
  readonly runId: RunId
  readonly epoch: Epoch
  /** ISO time after which a sandbox nobody owns may be destroyed whatever else holds. */
  readonly expiresAt: string
}

export type Limits = {
  /** For processes and all that they keep in memory; where the disk is memory as well, its share comes on top. */
  readonly memoryMb: number
  /** What the workspace may hold. Whoever writes more is told that no space is left. */
  readonly diskMb: number
  /** Cores, may be fractional. */
  readonly cpus: number
  /** Threads count too; a provider refuses fewer than its worker needs to start. */
  readonly pids: number
  readonly wallClockMinutes: number
  /** What the main process and all that share its output may write there; the end of it is in the post-mortem. */
  readonly outputMb: number
}

export type SandboxRequest = {
  readonly id: SandboxId
  readonly labels: Labels
  /** Complete environment of CONTRACT, but for `BUS_URL` and `WORKSPACE`, which the provider knows. Never logged. */
  readonly env: Readonly<Record<string, string>>
  readonly limits: Limits
  /** What it is made of, where that is not the engine's own choice. */
  readonly image?: string
}

/** A sandbox the engine has, alive or dead. */
export type Sandbox = {
  readonly id: SandboxId
  readonly labels: Labels
  readonly state: SandboxState
}
export type SandboxState =
  | { readonly kind: 'running' }
  | { readonly kind: 'exited'; readonly exit: ExitReport }
  /** The engine cannot say. Not dead: nothing may be concluded from it. */
  | { readonly kind: 'unknown'; readonly reason: string }

/** What a sandbox was refused on its way to the bus, since it was last told. */
export type RefusedOnWay = {
  readonly id: SandboxId
  readonly by: Extract<Refuser, 'bus' | 'wire'>
  readonly count: number
  readonly lastReason: string
}

/** Something happened to a sandbox: look again. Only a hint, the truth is `inspect`. */
export type SandboxEvent =
  | { readonly kind: 'exited'; readonly id: SandboxId }
  | { readonly kind: 'gap' }
  /** Told to one of those who watch the engine; what is left to tell of a sandbox, before it is destroyed. */
  | ({ readonly kind: 'refused' } & RefusedOnWay)

export type Created =
  /** It is there: made now, or found under this id and labels. If it has ended since, `watch` tells so. */
  | { readonly kind: 'running' }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string; readonly retryable: boolean }

/**
 * The port to a sandbox engine.
 *
 * 1. `create` is idempotent by id: a second call finds the first one's sandbox.
 * 2. A sandbox outlives the process that made it, and is found again by `list`.
 * 3. Exits are told through `watch` as events, never found by polling.
 * 4. What is needed for a post-mortem stays until `destroy`.
 * 5. `destroy` is idempotent and leaves nothing: no process, folder, socket or network.
 * 6. A sandbox that runs into a limit and stays there is ended, and its exit report says which limit it was.
 */
export interface SandboxProvider {
  readonly name: string
  /** Names the one engine behind it, the same for every process that reaches that engine. */
  readonly engine: string
  /** What isolation it gives, in one line for people. */
  readonly isolation: string
  /** Whether it can make a sandbox of an image that is asked for. */
  readonly images: boolean
  create(request: SandboxRequest, signal: AbortSignal): Promise<Created>
  inspect(id: SandboxId): Promise<Sandbox | undefined>
  /** Every sandbox of this fleet on the engine. */
  list(): Promise<readonly Sandbox[]>
  /** Asks the main process to end (`term`), or ends everything (`kill`). */
  stop(id: SandboxId, how: 'term' | 'kill'): Promise<void>
  destroy(id: SandboxId): Promise<void>
  /** Calls back until disposed. A `gap` says that exits may have been missed: list again. */
  watch(onEvent: (event: SandboxEvent) => void): AsyncDisposable
}
