import * as z from 'zod'

/** Why an incarnation died. A union, so that every place that reacts to a death handles each. */
export const DeathCause = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('oom') }),
  z.object({ kind: z.literal('pids') }),
  z.object({ kind: z.literal('disk') }),
  z.object({ kind: z.literal('output') }),
  z.object({ kind: z.literal('exit'), code: z.number().int() }),
  z.object({ kind: z.literal('killed'), signal: z.string().max(16).optional() }),
  z.object({ kind: z.literal('lost-heartbeat'), silentMs: z.number().nonnegative() }),
  z.object({ kind: z.literal('provider-error'), code: z.string().max(64), retryable: z.boolean() }),
  z.object({ kind: z.literal('configuration') }),
  z.object({ kind: z.literal('wall-clock') }),
  z.object({ kind: z.literal('flood') }),
  z.object({ kind: z.literal('bus-cut') }),
  z.object({ kind: z.literal('owner-lost') }),
  z.object({ kind: z.literal('budget') }),
  z.object({ kind: z.literal('rate-limit') }),
  z.object({ kind: z.literal('egress') }),
  z.object({ kind: z.literal('cancelled') }),
])
export type DeathCause = z.infer<typeof DeathCause>

/** Exit codes by which a worker says why it ended; what they mean is decided here only. */
export const WORKER_EXIT = {
  done: 0,
  failed: 1,
  busCut: 69,
  budget: 73,
  diskFull: 74,
  rateLimited: 75,
  configuration: 78,
  unborn: 79,
} as const

/** How a dead sandbox looked to its engine. */
export type ExitReport = {
  /** Exit code; `null` when a signal ended it or nobody knows. */
  code: number | null
  signal: string | null
  /** The memory limit killed its main process. */
  oom: boolean
  /** The process limit was hit: the engine ended it for that, or it ended after a process was refused to it. */
  pids: boolean
  /** It wrote more to its output than it may, and the engine ended it for that. */
  output: boolean
  /** The provider's wall-clock limit ended it. */
  wallClock: boolean
  /** Its last log lines, oldest first. */
  logTail: readonly string[]
}

/** The limit for which the engine has evidence, the surest first. */
export function limitOf(exit: ExitReport): DeathCause | undefined {
  if (exit.output) return { kind: 'output' }
  if (exit.wallClock) return { kind: 'wall-clock' }
  if (exit.oom) return { kind: 'oom' }
  return exit.pids && exit.code !== 0 ? { kind: 'pids' } : undefined
}

/**
 * The engine's evidence outranks the code: an OOM kill also looks like `killed`. A refused process is the
 * weakest of it: a tool may have met the limit long before, so a worker that says why it ended is believed.
 */
export function causeOfExit(exit: ExitReport): DeathCause {
  const limit = limitOf(exit)
  const said = exit.code === null ? undefined : saidBy(exit.code)
  if (limit !== undefined && (limit.kind !== 'pids' || said === undefined)) return limit
  if (said !== undefined) return said
  if (exit.signal !== null) return { kind: 'killed', signal: exit.signal }
  if (exit.code === null) return { kind: 'killed' }
  return exit.code > 128 && exit.code <= 128 + 31
    ? { kind: 'killed', signal: `signal ${exit.code - 128}` }
    : { kind: 'exit', code: exit.code }
}

/** What a worker says by its exit code, when it says more than that it ended. */
function saidBy(code: number): DeathCause | undefined {
  switch (code) {
    case WORKER_EXIT.configuration:
      return { kind: 'configuration' }
    case WORKER_EXIT.busCut:
      return { kind: 'bus-cut' }
    case WORKER_EXIT.budget:
      return { kind: 'budget' }
    case WORKER_EXIT.diskFull:
      return { kind: 'disk' }
    case WORKER_EXIT.rateLimited:
      return { kind: 'rate-limit' }
    // Whoever made it ended before it had told it what it is.
    case WORKER_EXIT.unborn:
      return { kind: 'owner-lost' }
    default:
      return undefined
  }
}

/** Whether another epoch could fare better. */
export function isRetryable(cause: DeathCause): boolean {
  switch (cause.kind) {
    case 'configuration':
    case 'budget':
    case 'cancelled':
      return false
    case 'provider-error':
      return cause.retryable
    case 'oom':
    case 'pids':
    case 'disk':
    case 'output':
    case 'exit':
    case 'killed':
    case 'lost-heartbeat':
    case 'wall-clock':
    case 'flood':
    case 'bus-cut':
    case 'owner-lost':
    case 'rate-limit':
    case 'egress':
      return true
  }
}

/** One short phrase for people: `exit(3)`, `killed (signal 9)`, `oom`. */
export function describeCause(cause: DeathCause): string {
  switch (cause.kind) {
    case 'exit':
      return `exit(${cause.code})`
    case 'killed':
      return cause.signal === undefined ? 'killed' : `killed (${cause.signal})`
    case 'lost-heartbeat':
      return `lost-heartbeat (${Math.round(cause.silentMs / 1000)} s)`
    case 'provider-error':
      return `provider-error (${cause.code})`
    default:
      return cause.kind
  }
}
