import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Fact } from '../contract/facts/index.ts'
import { decide } from './decide.ts'
import { canonical, foldAll, frozen, illegalities, saying } from './legality.fixture.ts'
import { fold } from './reduce.ts'
import { COMMANDS, factOf } from './spec-log.fixture.ts'
import { simulate } from './spec-simulation.fixture.ts'
import { isEnded, type SpecState } from './state.ts'

// The same logs each time; another seed makes others.
fc.configureGlobal({ seed: 20_261_120 })

/** Valid logs of up to 150 facts; most come past the plan. */
const logs = fc.array(fc.nat({ max: 2 ** 20 }), { minLength: 1, maxLength: 150, size: 'max' }).map(simulate)

/** A log with entries repeated, left out and in another order. */
const brokenLogs = logs.chain((facts) =>
  fc
    .array(fc.nat({ max: facts.length - 1 }), { maxLength: 2 * facts.length, size: 'max' })
    .map((order) => order.flatMap((index) => facts[index] ?? []))
    .map((shuffled) => [...facts.slice(0, 1), ...shuffled]),
)

const statesOf = (facts: readonly Fact[]): (SpecState | undefined)[] => {
  let state: SpecState | undefined
  return facts.map((fact, index) => {
    state = fold(state, fact, index + 1)
    return state
  })
}

/** A state from its JSON alone, with the fields in the order in which they stand there. */
const readBack = (json: string): SpecState => JSON.parse(json)

/** What a state says, apart from which facts it remembers. */
const meaning = (state: SpecState | undefined): string =>
  saying(state === undefined ? undefined : { ...state, heard: [] })

describe('the fold of a log', () => {
  it('is legal at every point of a valid log, and refuses nothing of it', () => {
    fc.assert(
      fc.property(logs, (facts) => {
        for (const state of statesOf(facts)) {
          if (state === undefined) throw new Error('a valid log begins with its first task')
          expect(illegalities(state)).toEqual([])
          expect(state.refused.count).toBe(0)
        }
        canonical(foldAll(facts))
      }),
      { numRuns: 60 },
    )
  })

  it('is legal whatever is repeated, left out, cut off or put in another order', () => {
    fc.assert(
      fc.property(brokenLogs, (facts) => {
        const state = foldAll(facts)
        canonical(state)
        expect(state === undefined ? [] : illegalities(state)).toEqual([])
      }),
      { numRuns: 150 },
    )
  })

  it('is the same, byte for byte, each time', () => {
    fc.assert(
      fc.property(brokenLogs, (facts) => {
        expect(JSON.stringify(foldAll(facts))).toBe(JSON.stringify(foldAll(structuredClone(facts))))
      }),
      { numRuns: 50 },
    )
  })

  it('goes on from its own JSON as if it had never been written down', () => {
    fc.assert(
      fc.property(brokenLogs, fc.nat(), (facts, at) => {
        const cut = at % (facts.length + 1)
        const first = foldAll(facts.slice(0, cut))
        const restored = first === undefined ? undefined : readBack(JSON.stringify(first))
        const rest = (from: SpecState | undefined) =>
          facts
            .slice(cut)
            .reduce<SpecState | undefined>((state, fact, index) => fold(state, fact, cut + index + 1), from)
        expect(JSON.stringify(rest(restored))).toBe(JSON.stringify(foldAll(facts)))
        const read = first === undefined ? undefined : readBack(canonical(first))
        expect(canonical(rest(read))).toBe(canonical(foldAll(facts)))
      }),
      { numRuns: 80 },
    )
  })

  it('takes no entry twice, and no fact that the log holds twice', () => {
    fc.assert(
      fc.property(logs, (facts) => {
        let once: SpecState | undefined
        let twice: SpecState | undefined
        for (const [index, fact] of facts.entries()) {
          once = fold(once, fact, 2 * index + 1)
          twice = fold(fold(twice, fact, 2 * index + 1), fact, 2 * index + 1)
          expect(twice).toEqual(once)
          twice = fold(twice, fact, 2 * index + 2)
          expect(saying(twice)).toBe(saying(once))
        }
      }),
      { numRuns: 40 },
    )
  })

  it('never changes a spec that has ended, but that it may be archived', () => {
    fc.assert(
      fc.property(brokenLogs, (facts) => {
        let before: SpecState | undefined
        for (const [index, fact] of facts.entries()) {
          const after = fold(before, fact, index + 1)
          if (before !== undefined && after !== undefined && isEnded(before)) {
            const isArchiving = fact.type === 'spec.archived' && before.lifecycle !== 'archived'
            if (isArchiving) expect(after.lifecycle).toBe('archived')
            else expect(frozen(after)).toBe(frozen(before))
          }
          before = after
        }
      }),
      { numRuns: 100 },
    )
  })
})

describe('what is decided', () => {
  it('is always believed', () => {
    fc.assert(
      fc.property(logs, (facts) => {
        for (const state of statesOf(facts)) {
          for (const command of COMMANDS) {
            const decision = decide(state, command)
            if (!decision.ok || state === undefined) continue
            let after: SpecState | undefined = state
            for (const [index, fact] of decision.facts.entries()) {
              const before = meaning(after)
              after = fold(after, factOf(fact.type, fact.data), state.foldedTo + index + 1)
              expect(meaning(after)).not.toBe(before)
            }
          }
        }
      }),
      { numRuns: 25 },
    )
  })
})
