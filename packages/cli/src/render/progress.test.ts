import { type Fact, parseFact, parseTrace, type Trace } from '@specfleet/shared'
import { describe, expect, it } from 'vitest'
import { describeFact, ProgressModel } from './progress.ts'
import { PLAIN } from './style.ts'

let count = 0
const head = (type: string, at: string, data: unknown) => ({
  v: 1,
  id: `m${++count}`,
  type,
  specId: 's',
  runId: 'r',
  epoch: 1,
  seq: count,
  at,
  by: 'worker',
  data,
})

function fact(type: string, at: string, data: unknown): Fact {
  const parsed = parseFact(head(type, at, data))
  if (parsed.kind !== 'fact') throw new Error(`no fact: ${JSON.stringify(parsed)}`)
  return parsed.fact
}

function trace(type: string, at: string, data: unknown): Trace {
  const parsed = parseTrace(head(type, at, data))
  if (parsed === undefined) throw new Error('no trace')
  return parsed
}

const T0 = '2026-11-20T12:00:00.000Z'
const T2 = '2026-11-20T12:00:02.000Z'
const NO_USAGE = {
  turns: 2,
  toolCalls: 1,
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  usd: 0,
}

describe('ProgressModel', () => {
  it('shows attempts, score, turns, tool calls and time of each phase', () => {
    const model = new ProgressModel()
    model.fact(fact('phase.started', T0, { phase: 'explore', attempt: 1, turn: 0 }))
    const called = {
      turn: 1,
      phase: 'explore',
      model: 'm',
      upstream: 'offline',
      ms: 1,
      inputTokens: 1,
      outputTokens: 1,
    }
    model.trace(trace('model.called', T0, { ...called, stopReason: 'tool_use' }))
    model.trace(trace('tool.called', T0, { callId: 'c', tool: 'bash', summary: 'git ls-files', turn: 1 }))
    const lines = model.render(PLAIN, { now: Date.parse(T2), startedAt: Date.parse(T0), width: 80 })
    expect(lines[0]).toBe('  ▸ explore       attempt 1              1 turn    1 tool call       2.0 s')
    expect(lines.at(-1)).toBe('  2.0 s elapsed · bash: git ls-files')

    const done = { phase: 'explore', attempt: 1, turn: 2, output: {}, score: 0.934, usage: NO_USAGE }
    model.fact(fact('phase.completed', T2, done))
    const after = model.render(PLAIN, { now: Date.parse(T2) + 60_000, startedAt: Date.parse(T0), width: 80 })
    expect(after[0]).toBe('  ✓ explore       attempt 1  score 0.93  1 turn    1 tool call       2.0 s')
  })

  it('never passes the width with what is being done', () => {
    const model = new ProgressModel()
    model.trace(trace('tool.called', T0, { callId: 'c', tool: 'bash', summary: 'x'.repeat(500), turn: 1 }))
    const lines = model.render(PLAIN, { now: 0, startedAt: 0, width: 60 })
    expect(lines.at(-1)?.length).toBeLessThanOrEqual(60)
  })
})

describe('describeFact', () => {
  it('names the cause of a death', () => {
    const lost = fact('run.lost', T0, { cause: { kind: 'oom' }, detail: 'limit 512 MiB', logTail: [] })
    expect(describeFact(lost)).toBe('epoch 1 died: oom, limit 512 MiB')
  })
})
