import { readEntry, type SpecState } from '@specfleet/shared'
import type { Heard } from '../world/chronicle.ts'
import type { Evidence } from './evidence.ts'
import { foldTo } from './replay.ts'

export const SPEC = 'shop'
export const RUN = 'shop-1'

const OWNER = { owner: 'me' }
const USAGE = {
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  turns: 0,
  toolCalls: 0,
  usd: 0,
}
const SUBMITTED = {
  taskId: RUN,
  kind: 'prompt',
  projectId: 'default',
  title: 'Shop',
  text: 'What is here?',
  executionMode: 'exploration',
  approval: 'auto',
  budget: {},
}

export type Said = { readonly type: string; readonly epoch?: number; readonly by?: string; readonly data?: object }
const killed: Said = { type: 'run.lost', epoch: 1, data: { cause: { kind: 'killed' }, logTail: [] } }

/** A prompt whose first worker was killed, as a world tells of it that kept every promise. */
export const KEPT: readonly Said[] = [
  { type: 'spec.submitted', by: 'api', data: SUBMITTED },
  { type: 'run.claimed', data: { taskId: RUN, kind: 'prompt', ...OWNER } },
  { type: 'run.fenced', epoch: 1, data: { ...OWNER, turnsUpTo: 0 } },
  { type: 'run.ready', epoch: 1, by: 'worker', data: { bootMs: 1, worker: '1', path: 'plain' } },
  killed,
  { type: 'run.fenced', epoch: 2, data: { ...OWNER, turnsUpTo: 0 } },
  { type: 'run.ready', epoch: 2, by: 'worker', data: { bootMs: 1, worker: '1', path: 'plain' } },
  { type: 'run.delivered', epoch: 2, by: 'worker', data: { outcome: 'done', usage: USAGE } },
  { type: 'run.settled', epoch: 2, data: { outcome: 'done' } },
]

/** What is gathered of a world in whose log that stands. */
export function evidenceOf(said: readonly Said[]): Evidence {
  const log = said.map(heard)
  const state = foldTo(log, SPEC)
  const text = JSON.stringify(state)
  return {
    tasks: [{ specId: SPEC, taskId: RUN, outcome: 'done' }],
    log,
    records: new Map(),
    states: new Map<string, SpecState>(state === undefined ? [] : [[SPEC, state]]),
    views: new Map([[SPEC, { text, foldedTo: log.length }]]),
    told: new Map([[SPEC, { text, foldedTo: log.length, askedAt: log.length }]]),
    calls: [],
    retries: [],
    queued: 0,
    dead: [],
    refused: [],
    turns: 0,
  }
}

function heard({ type, epoch = 0, by = 'supervisor', data = {} }: Said, at: number): Heard {
  const seq = at + 1
  const runId = type.startsWith('spec.') ? '-' : RUN
  const subject = `sf.log.${SPEC}.${runId}.${epoch}.${type}`
  const envelope = {
    v: 1,
    id: `fact-${seq}`,
    type,
    specId: SPEC,
    runId,
    epoch,
    seq,
    at: '2026-11-20T12:00:00.000Z',
    by,
    data,
  }
  const read = readEntry(subject, envelope)
  if (read.kind !== 'fact') throw new Error(JSON.stringify(read))
  return { seq, subject, read, fact: read.fact, at: seq }
}
