import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { PHASES, type Phase } from '../../contract/phase.ts'
import { samplePlan } from '../sample-plan.fixture.ts'
import type { Normalised } from './dialects.ts'
import { normaliseEarlier, normalisePhase, phaseInputSchema } from './phase-outputs.ts'

const ok = <T>(result: Normalised<T>): T => {
  if (!result.ok) throw new Error(JSON.stringify(result.faults))
  return result.output
}

describe('every phase', () => {
  const given = { ...samplePlan(), sync: { v: 2 } }

  test.each(PHASES.filter((phase) => phase !== 'sync'))('%s normalises to a fixed point', (phase) => {
    const output = ok<unknown>(normalisePhase(phase, given[phase]))
    expect(ok<unknown>(normalisePhase(phase, output))).toEqual(output)
    expect(ok<unknown>(normalisePhase(phase, JSON.parse(JSON.stringify(output))))).toEqual(output)
  })

  test.each(PHASES.filter((phase) => phase !== 'sync'))('%s ignores what it does not know, and nulls', (phase) => {
    const bent = { ...given[phase], unknown_extra: { deep: [1, null] }, feature_name: null }
    expect(normalisePhase(phase, bent).ok).toBe(true)
  })

  test.each(PHASES)('%s refuses another version', (phase) => {
    expect(normalisePhase(phase, { v: 2 })).toMatchObject({ ok: false })
  })

  test.each(PHASES)('%s can be asked of a model as it is', (phase) => {
    const schema = phaseInputSchema<Phase>(phase)
    // Throws on transforms; a default would make a field required in what the model is sent.
    const sent = z.toJSONSchema(schema, { reused: 'ref' })
    expect(sent.type).toBe('object')
    expect(JSON.stringify(sent)).not.toContain('"default"')
    if (phase !== 'sync') expect(schema.parse(given[phase])).toEqual(given[phase])
  })

  test('no value makes one throw', () => {
    const key = fc.constantFrom(
      'tasks',
      'tickets',
      'requirements',
      'components',
      'id',
      'dependencies',
      'blocks',
      'depends_on',
      'files',
      'layer',
      'structure',
      'dependency_graph',
      'fields',
      'data_models',
      'name',
      '__proto__',
      'v',
      'title',
      'prd',
      'goals',
    )
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 5 },
        fc.constantFrom<unknown>(null, undefined, 0, 1, '', 'A', 'B', 'L1', true),
        fc.string(),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(key, tie('value'), { maxKeys: 6 }),
      ),
    }))
    fc.assert(
      fc.property(value, fc.constantFrom(...PHASES), (drawn, phase) => {
        const result = normalisePhase<Phase>(phase, drawn)
        if (result.ok) expect(normalisePhase<Phase>(phase, result.output)).toEqual(result)
        else expect(result.faults.length).toBeGreaterThan(0)
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('a phase context', () => {
  test('is normalised phase by phase, with product requirements beside them', () => {
    const { explore, requirements } = samplePlan()
    const earlier = ok(normaliseEarlier({ explore, requirements, prd: { goals: ['sell'] }, design: null, other: 1 }))
    expect(Object.keys(earlier)).toEqual(['explore', 'requirements'])
    expect(earlier.explore?.featureSummary.goals).toEqual(['sell'])
  })

  test('names the phase of each fault', () => {
    expect(normaliseEarlier({ requirements: {}, tasks: 3 })).toMatchObject({
      ok: false,
      faults: [{ path: 'requirements.requirements' }, { path: 'tasks' }],
    })
    expect(normaliseEarlier('x')).toMatchObject({ ok: false })
  })
})
