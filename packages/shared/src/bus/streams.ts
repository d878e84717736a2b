import { isDeepStrictEqual } from 'node:util'
import { BUCKETS, DURABLES, STREAMS, subjects } from '../contract/subjects.ts'
import { PRIORITIES, type Priority } from '../contract/task.ts'

/** A stream's configuration in the words of the JetStream API; times are nanoseconds. */
export type StreamConfig = Record<string, unknown> & { name: string; subjects: string[]; num_replicas: number }
export type ConsumerConfig = Record<string, unknown> & { durable_name: string; filter_subject: string }

export type StreamSizes = {
  replicas: number
  traceMaxAgeMs: number
  traceMaxBytes: number
  deadMaxAgeMs: number
}

const GIB = 1024 ** 3
const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS
export const nanos = (ms: number): number => Math.round(ms * 1_000_000)

export const DEFAULT_SIZES = { traceMaxAgeMs: 7 * DAY_MS, traceMaxBytes: GIB, deadMaxAgeMs: 30 * DAY_MS }

/** How long a repeated publish is recognised by its id: longer than a worker may be cut off. */
const DUPLICATES_MS = 30 * MINUTE_MS
/**
 * Most messages under one subject, which is one kind of fact of one incarnation: a sandbox that
 * floods fills its own subjects and nobody else's. Each fact is synced to disk before the next, so
 * this is also the time that everybody else's facts wait; and it is more than the ledger takes for
 * a flood.
 */
const MOST_FACTS_PER_SUBJECT = 2_000
/** Of traces the oldest go. */
const MOST_TRACES_PER_SUBJECT = 20_000
/** Who takes more turns goes on in the next epoch, under a subject of its own. */
const MOST_TURNS_PER_SUBJECT = 5_000
const DEAD_MAX_BYTES = GIB
/** Keys of orchestrators that went away leave no trace after so long. */
const LIVENESS_TTL_MS = MINUTE_MS
/** How long an expired key's marker stays, for watchers that were away. */
const MARKER_MS = 5 * MINUTE_MS
const ACK_WAIT_MS = 15_000

const file = (name: string, subjects: string[], replicas: number, rest: Record<string, unknown>): StreamConfig => ({
  name,
  subjects,
  storage: 'file',
  num_replicas: replicas,
  retention: 'limits',
  discard: 'old',
  duplicate_window: nanos(DUPLICATES_MS),
  ...rest,
})

const taskSubject = (priority: Priority): string => `sf.task.${priority}.*`

/** Configuration of a KV bucket's stream, as every NATS client lays it out. */
export function bucketStream(bucket: string, replicas: number, ttlMs = 0): StreamConfig {
  const expiring = {
    max_age: nanos(ttlMs),
    duplicate_window: nanos(Math.min(2 * MINUTE_MS, ttlMs)),
    allow_msg_ttl: true,
    subject_delete_marker_ttl: nanos(MARKER_MS),
  }
  return file(bucketName(bucket), [`$KV.${bucket}.>`], replicas, {
    max_msgs_per_subject: 1,
    discard: 'new',
    allow_rollup_hdrs: true,
    deny_delete: true,
    allow_direct: true,
    ...(ttlMs > 0 ? expiring : {}),
  })
}
export const bucketName = (bucket: string): string => `KV_${bucket}`

export const BLOB_STREAM = `OBJ_${BUCKETS.blobs}`
export const blobChunks = (upload: string): string => `$O.${BUCKETS.blobs}.C.${upload}`
export const blobMeta = (sha256: string): string =>
  `$O.${BUCKETS.blobs}.M.${Buffer.from(sha256, 'utf8').toString('base64url')}`

export const ALL_METAS = `$O.${BUCKETS.blobs}.M.>`

/**
 * Where the server repeats what a stream has stored. Clients are told from there: what a
 * sandbox publishes crosses one account border, and the server lets nothing cross a second.
 */
export const toldSubject = (subject: string): string => subject.replace(/^sf\./, 'sf.told.')
const told = (subject: string) => ({ src: subject, dest: toldSubject(subject) })

/** Every stream of the orchestrators' account, buckets included. */
export function declaredStreams(sizes: StreamSizes): StreamConfig[] {
  const { replicas } = sizes
  const bounded = { discard: 'new', discard_new_per_subject: true }
  return [
    file(STREAMS.tasks, PRIORITIES.map(taskSubject), replicas, { retention: 'workqueue' }),
    file(STREAMS.log, [subjects.logs], replicas, {
      ...bounded,
      max_msgs_per_subject: MOST_FACTS_PER_SUBJECT,
      deny_delete: true,
      republish: told(subjects.logs),
    }),
    file(STREAMS.trace, [subjects.traces], replicas, {
      // Chatter may be lost with the machine; written one by one, it would make all facts wait. Copies are never so.
      ...(replicas === 1 ? { persist_mode: 'async' } : {}),
      republish: told(subjects.traces),
      max_age: nanos(sizes.traceMaxAgeMs),
      max_bytes: sizes.traceMaxBytes,
      max_msgs_per_subject: MOST_TRACES_PER_SUBJECT,
      duplicate_window: nanos(2 * MINUTE_MS),
    }),
    file(STREAMS.turns, [subjects.turns], replicas, { ...bounded, max_msgs_per_subject: MOST_TURNS_PER_SUBJECT }),
    file(STREAMS.dead, ['sf.dead.>'], replicas, { max_age: nanos(sizes.deadMaxAgeMs), max_bytes: DEAD_MAX_BYTES }),
    // A whole batch of claims is one write to the disk, or none.
    { ...bucketStream(BUCKETS.runs, replicas), allow_atomic: true },
    bucketStream(BUCKETS.orchestrators, replicas, LIVENESS_TTL_MS),
    bucketStream(BUCKETS.specs, replicas),
    bucketStream(BUCKETS.memory, replicas),
    bucketStream(BUCKETS.runBlobs, replicas),
    file(BLOB_STREAM, [blobChunks('>'), ALL_METAS], replicas, {
      discard: 'new',
      allow_rollup_hdrs: true,
      allow_direct: true,
    }),
  ]
}

/** One consumer a priority: filters on a work queue may not overlap. Our own dead letters bound deliveries. */
export const declaredConsumers = (): ConsumerConfig[] =>
  PRIORITIES.map((priority) => ({
    durable_name: DURABLES.intake(priority),
    filter_subject: taskSubject(priority),
    ack_policy: 'explicit',
    ack_wait: nanos(ACK_WAIT_MS),
    max_deliver: -1,
    max_ack_pending: 10_000,
    deliver_policy: 'all',
    replay_policy: 'instant',
  }))

const IMMUTABLE = new Set(['name', 'storage', 'retention', 'deny_delete'])
/** Decided when a stream is made; one that was made otherwise serves as well. */
export const KEPT = ['persist_mode'] as const

/** How a stream that exists differs from its declaration. */
export function compareConfig(
  current: Record<string, unknown>,
  declared: Record<string, unknown>,
): { changed: string[]; impossible: string[] } {
  const differs = (key: string): boolean => {
    const [now, wanted] = [current[key], declared[key]]
    if (Array.isArray(now) && Array.isArray(wanted)) return [...now].sort().join() !== [...wanted].sort().join()
    return !isDeepStrictEqual(now ?? false, wanted)
  }
  const kept: readonly string[] = KEPT
  const changed = Object.keys(declared).filter((key) => !kept.includes(key) && differs(key))
  return { changed, impossible: changed.filter((key) => IMMUTABLE.has(key)) }
}
