import { describe, expect, test } from 'vitest'
import type { Phase } from '../contract/phase.ts'
import { evaluateGates, type GateFacts } from './gates.ts'
import { entry, planned, type WildPlan } from './sample-plan.fixture.ts'
import { evaluate, PASS_MARK } from './scores.ts'

/** Gate → faults, of the gates that failed. */
function failed(phase: Phase, bend?: (wild: WildPlan) => void, facts?: GateFacts): Record<string, string[]> {
  const { [phase]: output, ...others } = planned(bend)
  const results = evaluateGates<Phase>(phase, output, others, facts)
  return Object.fromEntries(results.filter(({ passed }) => !passed).map(({ gate, faults }) => [gate, faults]))
}

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
