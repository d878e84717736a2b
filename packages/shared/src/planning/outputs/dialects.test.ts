import { describe, expect, test } from 'vitest'
import { samplePlan } from '../sample-plan.fixture.ts'
import { normaliseDesign } from './design.ts'
import type { Normalised } from './dialects.ts'
import { normaliseExplore } from './explore.ts'
import { normaliseRequirements } from './requirements.ts'
import { normaliseTasks } from './tasks.ts'

const ok = <T>(result: Normalised<T>): T => {
  if (!result.ok) throw new Error(JSON.stringify(result.faults))
  return result.output
}

describe('explore', () => {
  test('normalises paths and folds product requirements in', () => {
    const { explore } = samplePlan()
    const prd = {
      overview: { feature_name: 'other', one_liner: 'Order online' },
      goals: { primary: ['sell'], success_metrics: [{ metric: 'orders a day', target: '10' }] },
      users: { primary: [{ role: 'customer', description: 'buys things' }] },
      user_stories: [
        { id: 'US-001', role: 'a customer', want: 'to order', benefit: 'I eat', acceptance_criteria: ['x'] },
      ],
      scope: { in_scope: ['ordering', 'history'], out_of_scope: ['tax'] },
      constraints: { technical: ['SQLite'], business: ['by spring'] },
      risks: [{ risk: 'double orders', impact: 'high' }],
      open_questions: ['which currency?'],
    }
    const output = ok(normaliseExplore({ ...explore, prd }))
    expect(output.structure).toContainEqual({ area: 'tests', path: 'test' })
    expect(output.featureSummary).toEqual({
      name: 'orders',
      oneLiner: 'Order online',
      problemStatement: 'Nobody can order.',
      scopeIn: ['ordering', 'history'],
      scopeOut: ['payment', 'tax'],
      technicalConstraints: ['SQLite', 'by spring'],
      risks: ['double orders'],
      successMetrics: ['orders a day'],
      goals: ['sell'],
      users: ['buys things'],
      stories: [{ id: 'US-001', story: 'As a customer, I want to order, so that I eat', acceptanceCriteria: ['x'] }],
      assumptions: [],
      openQuestions: ['which currency?'],
    })
  })

  test('takes plain lists where maps are usual', () => {
    const output = ok(
      normaliseExplore({ conventions: ['tabs'], key_files: ['./src/a.ts:12'], structure: ['src'], tech_stack: 'Go' }),
    )
    expect(output.conventions.patterns).toEqual(['tabs'])
    expect(output.keyFiles).toEqual([{ path: 'src/a.ts', purpose: '' }])
    expect(output.structure).toEqual([{ area: 'src', path: 'src' }])
    expect(output.techStack).toEqual(['Go'])
  })
})

describe('requirements', () => {
  const textOf = (requirement: object) =>
    ok(normaliseRequirements({ requirements: [requirement] })).requirements[0]?.text

  test.each([
    ['a text', { text: ' THE SYSTEM SHALL log. ' }, 'THE SYSTEM SHALL log.'],
    [
      'condition and action',
      { condition: 'a user asks', action: 'answer' },
      'WHEN a user asks, THE SYSTEM SHALL answer',
    ],
    [
      'whole clauses',
      { condition: 'WHEN a user asks,', action: 'THE SYSTEM SHALL answer' },
      'WHEN a user asks, THE SYSTEM SHALL answer',
    ],
    ['a bare SHALL', { condition: 'WHILE idle', action: 'shall sleep' }, 'WHILE idle, THE SYSTEM shall sleep'],
    [
      'an IF without its THEN',
      { condition: 'IF it fails', action: 'retry' },
      'IF it fails, THEN THE SYSTEM SHALL retry',
    ],
    ['no condition', { condition: '', action: 'log' }, 'THE SYSTEM SHALL log'],
  ])('takes %s', (_, requirement, text) => {
    expect(textOf(requirement)).toBe(text)
  })

  test('takes a bare list, numbers what has no id, and criteria as objects', () => {
    const output = ok(
      normaliseRequirements([
        { text: 'a', acceptance_criteria: [{ text: 'one', completed: false }, 'two'] },
        { id: 'REQ-001', text: 'b', priority: 'must' },
        { text: 'c', priority: 'unheard of' },
      ]),
    )
    expect(output.requirements.map(({ id }) => id)).toEqual(['REQ-002', 'REQ-001', 'REQ-003'])
    expect(output.requirements.map(({ priority }) => priority)).toEqual(['MEDIUM', 'HIGH', 'MEDIUM'])
    expect(output.requirements[0]?.acceptanceCriteria).toEqual(['one', 'two'])
  })

  test('a long hostile text is read in no time', () => {
    const started = performance.now()
    for (const piece of ['/', '`', ',', '.', ' ', ':1', './']) {
      const long = `x${piece.repeat(100_000)}x`
      normaliseRequirements([{ condition: long, action: long }])
      normaliseTasks([{ files: [long], deliverables: [long], layer: long, estimated_hours: long, role: long }])
    }
    expect(performance.now() - started).toBeLessThan(2_000)
  })

  test('says where what is wrong', () => {
    expect(normaliseRequirements({})).toMatchObject({ ok: false, faults: [{ path: 'requirements' }] })
    expect(normaliseRequirements({ requirements: [{ id: 7 }, 'x'] })).toMatchObject({
      faults: [{ path: 'requirements[0].id' }, { path: 'requirements[1]' }],
    })
    expect(normaliseRequirements('nothing')).toMatchObject({ ok: false, faults: [{ path: '' }] })
  })
})

describe('design', () => {
  test('takes fields as a map and as a list, and either form of responsibility', () => {
    const output = ok(
      normaliseDesign({
        components: [
          { name: 'A', responsibility: 'one', responsibilities: ['one', 'two'], layer: 'infrastructure' },
          {
            name: 'B',
            interfaces: [{ method: 'run', inputs: { id: 'string' }, outputs: ['Row'] }, 'stop()'],
            layer: 2,
          },
          'C',
        ],
        data_model: [
          { name: 'M', fields: { id: 'uuid' } },
          { name: 'N', fields: [{ name: 'id', type: 'uuid' }, 'title: string', 'bare'] },
        ],
        api_endpoints: [{ path: '/x', auth: 'required', request_body: { a: 'string' } }],
        error_handling: 'retry',
        testing_strategy: 'vitest',
      }),
    )
    expect(output.components.map(({ name, layer, responsibilities }) => ({ name, layer, responsibilities }))).toEqual([
      { name: 'A', layer: 'L0', responsibilities: ['one', 'two'] },
      { name: 'B', layer: 'L2', responsibilities: [] },
      { name: 'C', layer: null, responsibilities: [] },
    ])
    expect(output.components[1]?.interfaces).toEqual([
      { method: 'run', inputs: 'id: string', outputs: 'Row' },
      { method: 'stop()', inputs: '', outputs: '' },
    ])
    expect(output.dataModels.map(({ fields }) => fields)).toEqual([
      [{ name: 'id', type: 'uuid' }],
      [
        { name: 'id', type: 'uuid' },
        { name: 'title', type: 'string' },
        { name: 'bare', type: '' },
      ],
    ])
    expect(output.apiEndpoints[0]).toMatchObject({ method: 'GET', authRequired: true, request: 'a: string' })
    expect(output.errorHandling).toEqual(['retry'])
    expect(output.testingStrategy.unit).toEqual(['vitest'])
  })
})

describe('tasks', () => {
  const edges = (value: unknown) =>
    Object.fromEntries(ok(normaliseTasks(value)).tasks.map(({ id, dependsOn }) => [id, dependsOn]))

  test.each([
    ['a list of ids', { dependencies: ['A'] }],
    ['one id', { dependencies: 'A' }],
    ['depends_on', { dependencies: { depends_on: ['A'] } }],
    ['blocked_by', { dependencies: { blocked_by: ['A'], blocks: [] } }],
    ['a field of its own', { depends_on: ['A'] }],
    ['a title', { dependencies: ['First'] }],
  ])('takes dependencies as %s', (_, dependencies) => {
    const value = {
      tasks: [
        { id: 'A', title: 'First' },
        { id: 'B', title: 'Second', ...dependencies },
      ],
    }
    expect(edges(value)).toEqual({ A: [], B: ['A'] })
  })

  test('takes blocks and a dependency graph, and joins them', () => {
    const tasks = [{ id: 'A', dependencies: { blocks: ['B', 'C'] } }, { id: 'B' }, { id: 'C', dependencies: ['B'] }]
    expect(edges({ tasks, dependency_graph: { C: ['A'], B: { depends_on: ['A'] }, notes: ['free'] } })).toEqual({
      A: [],
      B: ['A'],
      C: ['B', 'A'],
    })
  })

  test('an edge from nowhere or to nowhere is not lost', () => {
    expect(normaliseTasks({ tasks: [{ id: 'A', dependencies: { blocks: ['B'] } }] })).toEqual({
      ok: false,
      faults: [{ path: 'tasks.A.dependencies.blocks', message: 'A blocks B, which does not exist' }],
    })
    expect(normaliseTasks({ tasks: [{ id: 'A' }], dependency_graph: { 'TSK-9': ['A'] } })).toMatchObject({ ok: false })
    expect(edges({ tasks: [{ id: 'A', dependencies: ['Z'] }] })).toEqual({ A: ['Z'] })
  })

  test('takes tasks inside tickets, and lets them inherit layer and requirements', () => {
    const output = ok(
      normaliseTasks({
        tickets: [
          {
            title: 'T',
            layer: 'L1',
            requirements: ['REQ-001'],
            tasks: [{ title: 'one' }, { title: 'two', layer: 'L3' }],
          },
        ],
      }),
    )
    expect(output.tickets[0]).toMatchObject({ id: 'TKT-001', taskIds: ['TSK-001', 'TSK-002'] })
    expect(output.tasks).toMatchObject([
      { id: 'TSK-001', ticketId: 'TKT-001', layer: 'L1', requirements: ['REQ-001'] },
      { id: 'TSK-002', ticketId: 'TKT-001', layer: 'L3', requirements: ['REQ-001'] },
    ])
  })

  test('finds the parent that only the ticket names', () => {
    const { tasks } = ok(
      normaliseTasks({ tickets: [{ id: 'TKT-1', tasks: ['A'] }], tasks: [{ id: 'A' }, { id: 'B' }] }),
    )
    expect(tasks.map(({ ticketId }) => ticketId)).toEqual(['TKT-1', null])
  })

  test('reads files, hours, roles and commands in every form', () => {
    const { tasks } = ok(
      normaliseTasks([
        {
          deliverables: ['`src/a.ts`', 'a working login', './src/b.ts'],
          files_to_modify: ['src/b.ts'],
          estimated_hours: '1.5h',
        },
        {
          files: { create: ['x.ts'], modify: 'y.ts' },
          estimate: 'm',
          type: 'testing',
          verification_command: 'npm test',
        },
        { files: ['z.ts'], type: 'configuration', validation: ['make'], layer: 'core services' },
      ]),
    )
    expect(
      tasks.map(({ files, estimateHours, role, validation, layer }) => ({
        files,
        estimateHours,
        role,
        validation,
        layer,
      })),
    ).toEqual([
      {
        files: { create: ['src/a.ts'], modify: ['src/b.ts'] },
        estimateHours: 1.5,
        role: 'developer',
        validation: [],
        layer: null,
      },
      {
        files: { create: ['x.ts'], modify: ['y.ts'] },
        estimateHours: 3,
        role: 'qa',
        validation: ['npm test'],
        layer: null,
      },
      { files: { create: ['z.ts'], modify: [] }, estimateHours: 0, role: 'devops', validation: ['make'], layer: 'L1' },
    ])
  })
})
