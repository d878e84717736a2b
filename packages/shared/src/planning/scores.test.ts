import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PHASES, type Phase } from '../contract/phase.ts'
import { normaliseEarlier, normalisePhase } from './outputs/phase-outputs.ts'
import { entry, planned, type WildPlan } from './sample-plan.fixture.ts'
import { evaluate, score } from './scores.ts'
import { computeSync } from './sync.ts'

test.each(PHASES)('the sample passes %s', (phase) => {
  const { [phase]: output, ...others } = planned()
  const evaluation = evaluate<Phase>(phase, output, others, { pathExists: () => true })
  expect(evaluation.gates.flatMap(({ faults }) => faults)).toEqual([])
  expect(evaluation).toMatchObject({ passed: true })
  expect(evaluation.feedback).toMatch(/^Accepted: score/)
})

describe('scores', () => {
  test.each(PHASES)('the weights of %s add up to 1, and values stay within 0 and 1', (phase) => {
    const { [phase]: output, ...others } = planned()
    const { parts } = score<Phase>(phase, output, others)
    expect(parts.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1, 10)
    for (const { value } of parts) expect(value >= 0 && value <= 1).toBe(true)
  })

  test('an empty output scores next to nothing', () => {
    for (const [phase, empty] of [
      ['explore', {}],
      ['requirements', { requirements: [] }],
      ['design', { components: [] }],
      ['tasks', {}],
    ] as const) {
      const output = normalisePhase<Phase>(phase, empty)
      if (!output.ok) throw new Error(phase)
      const evaluation = evaluate<Phase>(phase, output.output, {})
      expect(evaluation.score).toBeLessThan(0.1)
      expect(evaluation.passed).toBe(false)
    }
  })

  test('data and endpoints are asked for only where the requirements speak of them', () => {
    const quiet = ({ requirements, design }: WildPlan) => {
      for (const requirement of requirements.requirements) requirement.text = 'THE SYSTEM SHALL blink.'
      design.data_models.splice(0)
      design.api_endpoints.splice(0)
    }
    const { design, ...others } = planned(quiet)
    expect(score('design', design, others).score).toBe(1)
    const { design: silent, ...spoken } = planned((wild) => {
      wild.design.data_models.splice(0)
      wild.design.api_endpoints.splice(0)
    })
    expect(score('design', silent, spoken).score).toBe(0.85)
  })

  test('feedback names failed gates, their faults and the weakest parts', () => {
    const { requirements, ...others } = planned(({ requirements: wild }) => {
      entry(wild.requirements, 0).text = 'Orders are stored.'
      wild.assumptions.splice(0)
    })
    const { feedback } = evaluate('requirements', requirements, others)
    expect(feedback).toBe(
      [
        'Not accepted: score 0.78 of 0.70 needed, 1 of 5 gates failed.',
        'Gate valid-ears failed:',
        `- REQ-001: 'SHALL' is missing (at 18 of "Orders are stored.")`,
        'What would raise the score most:',
        '- normative keyword (0.10 of 0.20): use SHALL in every requirement',
        '- EARS (0.07 of 0.15): write every requirement in an EARS pattern',
        '- assumptions (0.00 of 0.05): state what is taken for granted',
      ].join('\n'),
    )
  })
})

test('gates and scores never throw, whatever an output holds', () => {
  const id = fc.constantFrom('A', 'B', 'C', 'REQ-001', 'TKT-001', '', '__proto__', 'ticket A')
  const ids = fc.array(id, { maxLength: 3 })
  const wild = fc.record({
    requirements: fc.record({
      requirements: fc.array(
        fc.record({ id, text: fc.string(), acceptance_criteria: fc.array(fc.string()), dependencies: ids }),
      ),
    }),
    design: fc.record({
      components: fc.array(
        fc.record({ name: fc.string({ minLength: 1 }), requirements: ids, description: fc.string() }),
      ),
    }),
    tasks: fc.record({
      tasks: fc.array(
        fc.record({
          id,
          title: id,
          dependencies: ids,
          parent_ticket: id,
          layer: fc.constantFrom('L0', 'L2', ''),
          requirements: ids,
          files: fc.array(fc.string()),
        }),
      ),
      tickets: fc.array(fc.record({ id, dependencies: ids, tasks: ids })),
    }),
  })
  fc.assert(
    fc.property(wild, (drawn) => {
      const earlier = normaliseEarlier(drawn)
      if (!earlier.ok) return
      const { requirements, design, tasks } = earlier.output
      if (!requirements || !design || !tasks) return
      const sync = computeSync({ specId: 'x', requirements, design, tasks })
      const outputs = { requirements, design, tasks, sync }
      for (const phase of ['requirements', 'design', 'tasks', 'sync'] as const) {
        const { passed, gates } = evaluate<Phase>(phase, outputs[phase], outputs)
        if (passed) expect(gates.every((gate) => gate.passed)).toBe(true)
      }
      expect(sync.ready).toBe(sync.blockers.length === 0)
    }),
    { numRuns: 300 },
  )
})
