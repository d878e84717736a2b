import { setTimeout as pause } from 'node:timers/promises'
import {
  BUCKETS,
  type Bus,
  GetAnswer,
  listDead,
  openRecords,
  parseTrace,
  readLastTraces,
  type SpecId,
  STREAMS,
  subjects,
} from '@specfleet/shared'
import * as z from 'zod'
import { readAnswer } from '../../../cli/src/fleet/client.ts'
import type { Evidence } from '../verdict/evidence.ts'
import { streamInfo } from './server.ts'
import { outcomeOf } from './work.ts'
import type { World } from './world.ts'

const ANSWER_LIMIT_MS = 5_000
/** More than there may be. */
const MOST_LETTERS = 100
const MOST_TRACES = 10_000
/** Of the bucket of views, as any client reads it; a schema of the whole state would put its fields in order. */
const StoredView = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('spec'), state: z.unknown() }),
  z.looseObject({ kind: z.literal('cursor') }),
])
const Known = z.looseObject({ specId: z.string(), foldedTo: z.number() })

/** Asks everybody who knows something, while the fleet still stands. */
export async function gather(
  { fleet, chronicle, model, jobs, refused }: World,
  signal: AbortSignal,
): Promise<Evidence> {
  await handedOutAgain(fleet.app, signal)
  const [tasks, turns, log] = await Promise.all(
    [STREAMS.tasks, STREAMS.turns, STREAMS.log].map((name) => streamInfo(fleet.app, name)),
  )
  const letters = await listDead(fleet.app, { limit: MOST_LETTERS })
  const askedAt = log?.lastSeq ?? 0
  const stored = await openRecords(fleet.app, BUCKETS.specs, StoredView)
  const views = (await stored.all()).flatMap(({ value }) => (value.kind === 'spec' ? [stateEntry(value.state)] : []))
  const asked = jobs.map(async ({ specId }) => {
    const options = { timeoutMs: ANSWER_LIMIT_MS, signal }
    const answer = await fleet.client.bus.requestJson(subjects.api('get'), { id: specId }, options)
    const [, told] = stateEntry(readAnswer(answer, GetAnswer).spec)
    return [specId, { ...told, askedAt }] as const
  })
  const told = await Promise.all(asked)
  // The log may have grown meanwhile: it is read as far as anybody who answered had.
  const known = Math.max(askedAt, ...[...views, ...told].map(([, { foldedTo }]) => foldedTo))
  await chronicle.until(() => ((chronicle.entries.at(-1)?.seq ?? 0) >= known ? true : undefined), signal)
  return {
    tasks: jobs.map((job) => ({ specId: job.specId, taskId: job.task.taskId, outcome: outcomeOf(job) })),
    log: [...chronicle.entries],
    records: new Map(chronicle.records),
    states: new Map(chronicle.states),
    views: new Map(views),
    told: new Map(told),
    retries: (await Promise.all(jobs.map(({ specId }) => retriesOf(fleet.app, specId)))).flat(),
    calls: jobs.flatMap(({ specId }) => model.callsOf(specId)).concat(model.callsOf('')),
    queued: tasks?.messages ?? 0,
    dead: letters.map(({ reason, subject, data }) => ({ reason, subject, text: Buffer.from(data).toString('utf8') })),
    refused: [{ reason: refused.reason, subject: refused.subject, text: refused.text }],
    turns: turns?.messages ?? 0,
  }
}

async function retriesOf(app: Bus, specId: SpecId): Promise<Evidence['retries']> {
  const traces = await readLastTraces(app, specId, { most: MOST_TRACES })
  return traces.map(parseTrace).flatMap((trace) => {
    if (trace?.type !== 'model.retried') return []
    const { epoch, data } = trace
    return [{ specId, reason: `epoch ${epoch}, turn ${data.turn}, failure ${data.attempt}: ${data.reason}` }]
  })
}

/** A task whose acknowledgement was lost comes again once the queue's patience is over, and goes as one that is known. */
const HANDED_OUT_AGAIN_MS = 20_000
const LOOK_AGAIN_MS = 100

/** Waits until the queue is empty, or could have been. It tells nobody of it, so it is asked. */
async function handedOutAgain(app: Bus, signal: AbortSignal): Promise<void> {
  const until = performance.now() + HANDED_OUT_AGAIN_MS
  while ((await streamInfo(app, STREAMS.tasks)).messages > 0 && performance.now() < until)
    await pause(LOOK_AGAIN_MS, undefined, { signal })
}

function stateEntry(state: unknown): [string, { text: string; foldedTo: number }] {
  const { specId, foldedTo } = Known.parse(state)
  return [specId, { text: JSON.stringify(state), foldedTo }]
}
