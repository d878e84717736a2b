import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FACTS, type Fact, parseFact, WORKER_FACT_TYPES } from '../contract/facts/index.ts'
import { canonical, foldAll, illegalities, saying } from './legality.fixture.ts'
import { fold, foldRefused } from './reduce.ts'
import { completion, factOf, SPEC, verdict } from './spec-log.fixture.ts'
import { simulate } from './spec-simulation.fixture.ts'
import type { SpecState } from './state.ts'

// The same logs each time; another seed makes others.
fc.configureGlobal({ seed: 20_261_120 })

/** Valid logs of up to 150 facts; most come past the plan. */
const logs = fc.array(fc.nat({ max: 2 ** 20 }), { minLength: 1, maxLength: 150, size: 'max' }).map(simulate)

const statesOf = (facts: readonly Fact[]): (SpecState | undefined)[] => {
  let state: SpecState | undefined
  return facts.map((fact, index) => {
    state = fold(state, fact, index + 1)
    return state
  })
}

const RUBBISH: readonly (() => unknown)[] = [
  () => 'done',
  () => ({ v: 1 }),
  () => [],
  () => ({ requirements: [{}] }),
  () => null,
]

/** Facts as a sandbox might state them for a run: well-formed, whatever they mean. */
const statements = fc.record({
  kind: fc.constantFrom(...WORKER_FACT_TYPES),
  pick: fc.nat(),
  seq: fc.integer({ min: 1, max: 1e9 }),
})

function statementOf(
  { kind, pick, seq }: { kind: string; pick: number; seq: number },
  runId: string,
  epoch: number,
): Fact {
  const place = { by: 'worker' as const, runId, epoch, seq }
  const phase = (['explore', 'requirements', 'design', 'tasks', 'sync'] as const)[pick % 5] ?? 'sync'
  switch (kind) {
    case 'run.ready':
      return factOf('run.ready', { bootMs: 1, worker: 'x', path: 'phases' }, place)
    case 'run.delivered':
      return factOf('run.delivered', { outcome: 'done', usage: completion('sync').usage }, place)
    case 'phase.started':
      return factOf('phase.started', { phase, attempt: 1, turn: pick % 100 }, place)
    case 'phase.evaluated':
      return factOf('phase.evaluated', verdict(phase, 1 + (pick % 9)), place)
    case 'phase.completed': {
      const output = pick % 2 === 0 ? completion(phase).output : RUBBISH[pick % RUBBISH.length]?.()
      return factOf('phase.completed', { ...completion(phase), output }, place)
    }
    case 'phase.failed':
      return factOf(
        'phase.failed',
        { phase, attempts: 3, turn: 3, reason: 'no', usage: completion('sync').usage },
        place,
      )
    case 'ticket.delivered':
      return factOf('ticket.delivered', { ticketId: 'orders-TSK-001' }, place)
    case 'agent.steered':
      return factOf('agent.steered', { controlId: 'c', command: 'steer' }, place)
    default:
      return factOf('agent.asked', { question: 'why?' }, place)
  }
}

describe('a worker', () => {
  it('of a stale epoch is not heard, whatever it says', () => {
    fc.assert(
      fc.property(logs, fc.array(statements, { minLength: 1, maxLength: 5 }), (facts, said) => {
        for (const state of statesOf(facts)) {
          for (const run of state?.runs ?? []) {
            for (const statement of run.epoch > 1 && state !== undefined ? said : []) {
              const stale = statementOf(statement, run.runId, 1 + (statement.pick % (run.epoch - 1)))
              expect(saying(fold(state, stale, 1e6))).toBe(saying(state))
            }
          }
        }
      }),
      { numRuns: 40 },
    )
  })

  it('cannot lead a spec into an illegal state, nor past a gate, whatever it says', () => {
    fc.assert(
      fc.property(logs, fc.array(statements, { minLength: 1, maxLength: 20 }), fc.nat(), (facts, said, at) => {
        let state = foldAll(facts.slice(0, 1 + (at % facts.length)))
        for (const [index, statement] of said.entries()) {
          const run = state?.runs.at(-1)
          state = fold(state, statementOf(statement, run?.runId ?? 'nobody', run?.epoch || 1), 1e6 + index)
        }
        canonical(state)
        expect(state === undefined ? [] : illegalities(state)).toEqual([])
      }),
      { numRuns: 120 },
    )
  })

  it('cannot say what only trusted parts say, nor speak in their name', () => {
    fc.assert(
      fc.property(logs, (facts) => {
        const states = statesOf(facts)
        for (const [index, fact] of facts.entries()) {
          const before = states[index - 1]
          if (before === undefined) continue
          const forged: Fact = { ...fact, by: fact.by === 'worker' ? 'supervisor' : 'worker' }
          const after = fold(before, forged, 1e6)
          expect(after?.refused.count).toBe(before.refused.count + 1)
          expect(saying(after === undefined ? after : { ...after, refused: before.refused })).toBe(saying(before))
        }
      }),
      { numRuns: 40 },
    )
  })
})

describe('rubbish', () => {
  const anything = fc.anything({ withNullPrototype: true, maxDepth: 3 })
  const hostile = fc.record(
    {
      v: fc.constantFrom(1, 2),
      id: fc.constantFrom('a', '__proto__', ''),
      type: fc.constantFrom(...Object.keys(FACTS), 'spec.exploded', 'constructor'),
      specId: fc.constantFrom(SPEC, 'constructor', '__proto__', 'a b'),
      runId: fc.constantFrom('-', 'task-1', 'constructor', '__proto__'),
      epoch: fc.constantFrom(0, 1, 2, 1_000_000, -1),
      seq: fc.constantFrom(0, 1, Number.MAX_SAFE_INTEGER, 0.5),
      at: fc.constantFrom('2026-11-20T12:00:00.000Z', 'now'),
      by: fc.constantFrom('worker', 'supervisor', 'api', 'nobody'),
      data: fc.oneof(
        anything,
        fc.record({
          taskId: fc.constantFrom('constructor', '__proto__'),
          kind: fc.constant('spec'),
          owner: fc.constant('o'),
        }),
        fc.record({ ticketId: fc.constantFrom('constructor', '__proto__', 'toString') }),
      ),
    },
    { requiredKeys: ['v', 'id', 'type', 'specId', 'at', 'by'] },
  )

  it('never throws and leaves the state legal', () => {
    fc.assert(
      fc.property(logs, fc.array(fc.oneof(anything, hostile), { maxLength: 30 }), (facts, values) => {
        let state = foldAll(facts)
        for (const [index, value] of values.entries()) {
          const parsed = parseFact(value)
          const seq = facts.length + index + 1
          if (parsed.kind === 'fact') state = fold(state, parsed.fact, seq)
          if (parsed.kind === 'malformed') state = foldRefused(state, parsed.reason, seq)
        }
        canonical(state)
        expect(state === undefined ? [] : illegalities(state)).toEqual([])
      }),
      { numRuns: 150 },
    )
  })
})
