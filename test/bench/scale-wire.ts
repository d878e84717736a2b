/** What the processes of the benchmark `scale` say to one another, over the bus, in the orchestrators' account. */
import { type Bus, Epoch, RunId, SandboxId, SpecId } from '@specfleet/shared'
import * as z from 'zod'

const Labels = z.object({ fleet: z.string(), specId: SpecId, runId: RunId, epoch: Epoch, expiresAt: z.string() })

/** A sandbox as an engine tells of it. */
export const Inmate = z.object({ id: SandboxId, labels: Labels, exited: z.boolean().default(false) })
export type Inmate = z.infer<typeof Inmate>
export const Inmates = z.array(Inmate)
export const CreateRequest = Inmate.omit({ exited: true }).extend({ env: z.record(z.string(), z.string()) })
export type CreateRequest = z.infer<typeof CreateRequest>

/** A fact that the log has acknowledged to its worker; the time is that of `hostNowMs`. */
export const AcknowledgedFact = z.object({ specId: SpecId, seq: z.number(), at: z.number() })
export type AcknowledgedFact = z.infer<typeof AcknowledgedFact>

/** What an engine saw since it was asked last. */
export const EngineTale = z.object({
  beats: z.number(),
  facts: z.array(AcknowledgedFact),
  /** Of workers that ended, though nobody told them to. */
  ends: z.array(z.string()),
})
export type EngineTale = z.infer<typeof EngineTale>
export const emptyTale = (): EngineTale => ({ beats: 0, facts: [], ends: [] })
export const Done = z.object({})

/** For how long each sandbox lived that an engine has had: from being asked for to its end, in milliseconds. */
export const Lives = z.array(z.number())

/** What an orchestrator measured of itself since it was asked last. Times in milliseconds, memory in MiB. */
export const SelfPortrait = z.object({
  loopDelay: z.object({ p50: z.number(), p99: z.number(), max: z.number() }),
  /** Share of one core. */
  cpu: z.number(),
  /** Behind a collection, and resident. */
  heapMib: z.number(),
  residentMib: z.number(),
  comparisons: z.array(z.number()),
  beatsMissed: z.number(),
  buried: z.number(),
  stalls: z.number(),
})
export type SelfPortrait = z.infer<typeof SelfPortrait>

const ask = (shard: number | 'all', what: string) => `bench.engine.${shard}.${what}`

export const wire = {
  create: (shard: number) => ask(shard, 'create'),
  destroy: (shard: number) => ask(shard, 'destroy'),
  list: (shard: number) => ask(shard, 'list'),
  tell: (shard: number) => ask(shard, 'tell'),
  /** What was seen so far is told to nobody: it may be more than fits into a message. */
  forget: (shard: number) => ask(shard, 'forget'),
  exited: 'bench.exited',
  lives: 'bench.engine.lives',
  portrait: 'bench.orchestrator.portrait',
} as const

const ANSWER_MS = 30_000

export async function askFor<T>(bus: Bus, subject: string, schema: z.ZodType<T>, request: unknown = {}): Promise<T> {
  return schema.parse(await bus.requestJson(subject, request, { timeoutMs: ANSWER_MS }))
}

/** Which of so many engine processes has a sandbox. */
export function shardOf(id: SandboxId, shards: number): number {
  let hash = 0
  for (const char of id) hash = (hash * 31 + char.charCodeAt(0)) >>> 0
  return hash % shards
}
