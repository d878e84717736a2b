import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PHASES, type Phase } from '../contract/phase.ts'
import { testableCriteria, untestable } from './criteria.ts'
import { evaluateGates, type GateFacts } from './gates.ts'
import { normaliseEarlier, normalisePhase } from './outputs/phase-outputs.ts'
import { samplePlan } from './sample-plan.fixture.ts'
import { evaluate, PASS_MARK, score } from './scores.ts'
import { computeSync } from './sync.ts'

type Wild = ReturnType<typeof samplePlan>

/** The sample plan, bent and normalised, with its sync output. */
function planned(bend: (wild: Wild) => void = () => {}) {
  const wild = samplePlan()
  bend(wild)
  const earlier = normaliseEarlier(wild)
  if (!earlier.ok) throw new Error(JSON.stringify(earlier.faults))
  const { explore, requirements, design, tasks } = earlier.output
  if (!explore || !requirements || !design || !tasks) throw new Error('the sample has every phase')
  return {
    explore,
    requirements,
    design,
    tasks,
    sync: computeSync({ specId: 'shop', explore, requirements, design, tasks }),
  }
}

/** Gate → faults, of the gates that failed. */
function failed(phase: Phase, bend?: (wild: Wild) => void, facts?: GateFacts): Record<string, string[]> {
  const { [phase]: output, ...others } = planned(bend)
  const results = evaluateGates<Phase>(phase, output, others, facts)
  return Object.fromEntries(results.filter(({ passed }) => !passed).map(({ gate, faults }) => [gate, faults]))
}

/** The entry of a list; the samples have it. */
function entry<T>(list: T[], index: number): T {
  const found = list[index]
  if (found === undefined) throw new Error(`the sample has no entry ${index}`)
  return found
}

test.each(PHASES)('the sample passes %s', (phase) => {
  const { [phase]: output, ...others } = planned()
  const evaluation = evaluate<Phase>(phase, output, others, { pathExists: () => true })
  expect(evaluation.gates.flatMap(({ faults }) => faults)).toEqual([])
  expect(evaluation).toMatchObject({ passed: true })
  expect(evaluation.feedback).toMatch(/^Accepted: score/)
})

describe('gates of explore', () => {
  test('paths exist, as far as somebody can look', () => {
    const pathExists = (path: string) => path !== 'src/stock.ts' && path !== 'src/api'
    expect(failed('explore', undefined, { pathExists })).toEqual({
      'paths-exist': ['src/stock.ts is not in the source', 'src/api is not in the source'],
    })
    expect(failed('explore')).toEqual({})
  })
})

describe('gates of requirements', () => {
  test('name the place of a syntax fault', () => {
    expect(
      failed('requirements', ({ requirements }) => {
        entry(requirements.requirements, 0).text = 'The system must store an order.'
      }),
    ).toEqual({
      'valid-ears': [
        `REQ-001: 'SHALL' is missing: 'must' stands in its place ('must' at 11 of "The system must store an order.")`,
      ],
    })
  })

  test('count testable criteria', () => {
    const faults = failed('requirements', ({ requirements }) => {
      entry(requirements.requirements, 1).acceptance_criteria = [
        'The answer has status 409',
        'the answer has status 409.',
        'It works well',
      ]
    })
    expect(faults).toEqual({
      'testable-criteria': [
        'REQ-002 has 1 testable criterion, 2 are needed: one says nothing that can be observed: "It works well"',
      ],
    })
  })

  test('refuse none, twins and dangling references', () => {
    expect(Object.keys(failed('requirements', ({ requirements }) => requirements.requirements.splice(0)))).toEqual([
      'has-requirements',
    ])
    expect(
      failed('requirements', ({ requirements }) => {
        entry(requirements.requirements, 1).id = 'REQ-001'
        entry(requirements.requirements, 1).dependencies = ['REQ-404', 'the mail service']
      }),
    ).toEqual({
      'unique-ids': ['REQ-001 is the id of more than one requirement'],
      'references-resolve': ['REQ-001 depends on REQ-404, which does not exist'],
    })
  })
})

describe('gates of design', () => {
  test('every requirement needs a component, and every reference its end', () => {
    expect(
      failed('design', ({ design }) => {
        Object.assign(entry(design.components, 1), {
          name: 'OrderStore',
          responsibilities: ['Checks'],
          requirements: ['REQ-9'],
        })
      }),
    ).toEqual({
      'unique-names': ['OrderStore is the name of more than one component'],
      'references-resolve': ['OrderStore addresses REQ-9, which does not exist'],
      'requirements-addressed': ['REQ-002 is addressed by no component: list it in the requirements of one'],
    })
  })

  test('fail where the requirements are not known', () => {
    const { design } = planned()
    expect(evaluateGates('design', design, {})).toEqual([
      { gate: 'requirements-addressed', passed: false, faults: ['the requirements are not given'] },
    ])
  })
})

describe('gates of tasks', () => {
  test('name the cycle', () => {
    expect(
      failed('tasks', ({ tasks }) => {
        Object.assign(entry(tasks.tasks, 0), {
          layer: 'L3',
          dependencies: { depends_on: ['TSK-003'], blocks: ['TSK-002'] },
        })
        entry(tasks.tasks, 1).layer = 'L3'
        tasks.tickets.splice(0)
        for (const task of tasks.tasks) Object.assign(task, { parent_ticket: undefined })
      }),
    ).toEqual({ acyclic: ['cycle: TSK-001 → TSK-003 → TSK-002 → TSK-001 (each depends on the next)'] })
  })

  test('name a cycle that leads through a ticket', () => {
    const faults = failed('tasks', ({ tasks }) => {
      Object.assign(entry(tasks.tickets, 0), { dependencies: ['TKT-002'] })
    })
    expect(Object.keys(faults)).toEqual(['acyclic'])
    expect(faults.acyclic?.[0]).toContain('ticket TKT-002')
  })

  test('refuse a dangling reference, whichever list holds it', () => {
    expect(
      failed('tasks', ({ tasks }) => {
        Object.assign(entry(tasks.tasks, 2), {
          dependencies: ['TSK-404'],
          parent_ticket: 'TKT-404',
          requirements_addressed: ['REQ-404', 'REQ-002'],
        })
        Object.assign(entry(tasks.tickets, 0), {
          tasks: ['TSK-001', 'TSK-500'],
          dependencies: { blocked_by: ['TKT-500'] },
        })
      })['references-resolve'],
    ).toEqual([
      'TSK-003 depends on TSK-404, which does not exist',
      'TSK-003 belongs to TKT-404, which does not exist',
      'TSK-003 addresses REQ-404, which does not exist',
      'TKT-001 waits for TKT-500, which does not exist',
      'TKT-001 lists TSK-500, which does not exist',
    ])
  })

  test('refuse twins, missing or broken layers, missing or outside files, and what no task covers', () => {
    expect(
      failed('tasks', ({ tasks }) => {
        Object.assign(entry(tasks.tasks, 0), { layer: 'L2', files_to_create: ['../etc/passwd'] })
        Object.assign(entry(tasks.tasks, 1), {
          files_to_create: [],
          files_to_modify: [],
          requirements_addressed: ['REQ-001'],
        })
        Object.assign(entry(tasks.tasks, 2), { layer: undefined, requirements_addressed: ['REQ-001'] })
        tasks.tickets.push({ id: 'TKT-001', title: 'again', tasks: [], requirements: [] })
      }),
    ).toEqual({
      'unique-ids': ['TKT-001 is the id of more than one task or ticket'],
      layers: ['TSK-003 has no layer: give L0, L1, L2 or L3', 'TSK-002 (L1) depends on TSK-001 of the higher layer L2'],
      files: [
        'TSK-001 names ../etc/passwd, which is not a path inside the repository',
        'TSK-002 names no file: list what it creates or modifies',
      ],
      'requirements-covered': ['REQ-002 is covered by no task'],
    })
  })

  test('a fault never passes on a good average', () => {
    const { tasks, ...others } = planned(({ tasks: wild }) => {
      Object.assign(entry(wild.tasks, 2), { dependencies: ['TSK-404'] })
    })
    const evaluation = evaluate('tasks', tasks, others)
    expect(evaluation.score).toBeGreaterThan(PASS_MARK)
    expect(evaluation.passed).toBe(false)
    expect(evaluation.feedback).toContain('- TSK-003 depends on TSK-404, which does not exist')
  })

  test('list a bounded number of faults', () => {
    const { tasks, ...others } = planned()
    const many = Array.from({ length: 5_000 }, (_, at) => ({ ...entry(tasks.tasks, 0), id: `T${at}`, layer: null }))
    const gates = evaluateGates('tasks', { ...tasks, tickets: [], tasks: many }, others)
    const { faults = [] } = gates.find(({ gate }) => gate === 'layers') ?? {}
    expect(faults.length).toBe(26)
    expect(faults.at(-1)).toBe('… and 4975 more')
  })
})

describe('gates of sync', () => {
  test('do not believe a sync output that says all is well', () => {
    const { sync } = planned()
    const bent = planned(({ tasks }) => {
      for (const task of tasks.tasks) Object.assign(task, { requirements_addressed: ['REQ-001'] })
    })
    const gates = evaluateGates('sync', sync, { ...bent, sync: undefined })
    expect(gates).toEqual([
      { gate: 'traceability-complete', passed: false, faults: ['REQ-002 has no task and no file'] },
      { gate: 'no-blockers', passed: false, faults: ['tasks: REQ-002 is covered by no task'] },
    ])
    expect(evaluateGates('sync', sync, {}).every(({ passed }) => !passed)).toBe(true)
  })
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
    const quiet = ({ requirements, design }: Wild) => {
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

describe('criteria', () => {
  test.each([
    'Subscription is persisted to database',
    'Response includes subscription ID',
    'P99 delivery latency under 5 seconds',
    'No message loss under load',
    'Migration added',
    'All existing tests still pass',
    'Die Antwort enthält die Kennung der Bestellung',
    '注文は保存される',
  ])('can be tested: %s', (criterion) => {
    expect(untestable(criterion)).toBe(null)
  })

  test.each([
    '',
    '   ',
    'Done',
    'Tests pass',
    'It works well and is nice',
    'The feature works as expected',
    'User-friendly and intuitive',
  ])('cannot be tested: %s', (criterion) => {
    expect(untestable(criterion)).not.toBe(null)
  })

  test('count once however they are cased', () => {
    expect(testableCriteria(['The order is stored', 'the order  is stored.', 'bad'])).toEqual(['The order is stored'])
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
