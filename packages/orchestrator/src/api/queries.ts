import type { Bus, FactLog, LogEntry, SpecId } from '@specfleet/shared'
import {
  fromWire,
  type GetRequest,
  type ListRequest,
  listDead,
  readLastTraces,
  runIdOf,
  SpecfleetError,
  TaskId,
  type WatchRequest,
} from '@specfleet/shared'
import * as z from 'zod'
import type { Ledger } from '../ledger/ledger.ts'
import type { Peers } from '../supervisor/liveness.ts'
import type { RunTable } from '../supervisor/run-table.ts'
import { allRuns, runsOfSpec, summariseDead, summariseOrchestrator, summariseSpec } from './summaries.ts'

export type QueryDesk = {
  readonly bus: Bus
  readonly ledger: Ledger
  readonly factLog: FactLog
  readonly table: RunTable
  readonly peers: Peers
}

type Answer = { ok: true } & Record<string, unknown>

/**
 * A spec by its id, or by that of one of its runs.
 * @throws SpecfleetError `spec.unknown`, or why a task of that id was refused.
 */
export async function get(desk: QueryDesk, { id }: z.output<typeof GetRequest>, signal: AbortSignal): Promise<Answer> {
  await desk.ledger.caughtUp(await desk.factLog.lastSeq(), signal)
  const run = desk.ledger.spec(id) === undefined ? await desk.table.read(runIdOf(TaskId.parse(id))) : undefined
  const specId = run?.specId ?? id
  const spec = desk.ledger.spec(specId)
  if (spec === undefined && run === undefined) throw await whyNot(desk.bus, id)
  const runs = runsOfSpec(specId, spec, desk.table)
  return { ok: true, specId, spec: spec ?? null, foldedTo: desk.ledger.foldedTo, runs }
}

export async function list(desk: QueryDesk, request: z.output<typeof ListRequest>): Promise<Answer> {
  const { what, projectId, limit } = request
  switch (what) {
    case 'specs': {
      const specs = [...desk.ledger.specs()].filter((spec) => projectId === undefined || spec.projectId === projectId)
      specs.sort((a, b) => b.foldedTo - a.foldedTo)
      return { ok: true, specs: specs.slice(0, limit).map(summariseSpec) }
    }
    case 'runs':
      return { ok: true, runs: allRuns(desk.ledger, desk.table, limit) }
    case 'orchestrators':
      return { ok: true, orchestrators: desk.peers.alive().slice(0, limit).map(summariseOrchestrator) }
    case 'dead':
      return { ok: true, dead: (await listDead(desk.bus, { limit })).map(summariseDead) }
  }
}

/** Most characters of facts in one part: several parts fit a payload limit of 1 MiB with room to spare. */
const PART_CHARACTERS = 256 * 1024
/** What stands around one entry. */
const FRAME_CHARACTERS = 64
const MOST_TRACES = 2_000

/** The log of a spec so far, in parts; a spec that nobody has heard of has an empty one. */
export async function replay(
  desk: QueryDesk,
  { specId, traces }: z.output<typeof WatchRequest>,
  reply: (part: Answer) => void,
): Promise<void> {
  let facts: ReturnType<typeof factOf>[] = []
  let characters = 0
  const part = (rest: { end: boolean; traces: unknown[]; runs: unknown[] }) => {
    reply({ ok: true, facts, ...rest })
    facts = []
    characters = 0
  }
  const more = { end: false, traces: [], runs: [] }
  for await (const entry of desk.factLog.readSpec(specId)) {
    const size = entry.data.byteLength + entry.subject.length + FRAME_CHARACTERS
    if (characters + size > PART_CHARACTERS && facts.length > 0) part(more)
    characters += size
    facts.push(factOf(entry))
  }
  if (traces)
    for (const some of chunked(await readLastTraces(desk.bus, specId, { most: MOST_TRACES })))
      part({ ...more, traces: some })
  part({ end: true, traces: [], runs: runsOfSpec(specId, desk.ledger.spec(specId), desk.table) })
}

const factOf = (entry: LogEntry) => ({ seq: entry.seq, subject: entry.subject, fact: entry.value() ?? null })

function* chunked(values: readonly unknown[]): Generator<unknown[]> {
  let chunk: unknown[] = []
  let characters = 0
  for (const value of values) {
    const size = JSON.stringify(value ?? null).length
    if (characters + size > PART_CHARACTERS && chunk.length > 0) {
      yield chunk
      chunk = []
      characters = 0
    }
    chunk.push(value)
    characters += size
  }
  if (chunk.length > 0) yield chunk
}

const Named = z.looseObject({ taskId: z.string().optional(), specId: z.string().optional() })

/** A task that was refused has neither spec nor run, but its reason is kept. */
async function whyNot(bus: Bus, id: SpecId): Promise<SpecfleetError> {
  for (const letter of await listDead(bus, { limit: 200 })) {
    const named = Named.safeParse(jsonOf(letter.data))
    if (named.success && (named.data.taskId === id || named.data.specId === id)) return fromWire(letter.error)
  }
  return new SpecfleetError('spec.unknown', id)
}

function jsonOf(data: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(data))
  } catch {
    return undefined
  }
}
