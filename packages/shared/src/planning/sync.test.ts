import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { deriveTickets } from './execution-tickets.ts'
import { SyncOutput } from './outputs/sync.ts'
import { normaliseTasks } from './outputs/tasks.ts'
import { dependenciesByTask } from './plan-graph.ts'
import { planned } from './sample-plan.fixture.ts'
import { computeSync } from './sync.ts'
import { ticketIdOf } from './ticket-ids.ts'

const sample = () => ({ specId: 'shop', ...planned() })

const tasksOf = (wild: unknown) => {
  const result = normaliseTasks(wild)
  if (!result.ok) throw new Error(JSON.stringify(result.faults))
  return result.output
}

describe('sync', () => {
  test('sums a plan up', () => {
    const sync = computeSync(sample())
    expect(SyncOutput.parse(JSON.parse(JSON.stringify(sync)))).toEqual(sync)
    expect(sync).toMatchObject({
      specId: 'shop',
      ready: true,
      blockers: [],
      recommendations: [],
      specSummary: {
        featureName: 'orders',
        requirements: 2,
        components: 2,
        tickets: 2,
        tasks: 3,
        totalEstimatedHours: 6,
        filesToCreate: 3,
        filesToModify: 1,
        tasksByLayer: { L0: 1, L1: 1, L2: 0, L3: 1 },
      },
      dependencyAnalysis: {
        cycles: [],
        waves: [['TSK-001'], ['TSK-002'], ['TSK-003']],
        criticalPath: ['TSK-001', 'TSK-002', 'TSK-003'],
        criticalPathHours: 6,
        overlaps: [],
      },
    })
    expect(sync.coverageMatrix).toEqual([
      {
        requirementId: 'REQ-001',
        title: 'Place an order',
        components: ['OrderStore'],
        tasks: ['TSK-001', 'TSK-002'],
        tickets: ['TKT-001', 'TKT-002'],
        files: ['src/order-store.ts', 'src/orders.ts', 'src/api/server.ts'],
        status: 'covered',
        missing: [],
      },
      {
        requirementId: 'REQ-002',
        title: 'Refuse what is not there',
        components: ['OrderService'],
        tasks: ['TSK-002', 'TSK-003'],
        tickets: ['TKT-002'],
        files: ['src/orders.ts', 'src/api/server.ts', 'test/orders.test.ts'],
        status: 'covered',
        missing: [],
      },
    ])
    expect(sync.traceabilityStats).toEqual({
      requirements: { total: 2, covered: 2, partial: 0, missing: 0, coveragePercent: 100 },
      components: { total: 2, withRequirements: 2, withTasks: 2 },
      tickets: { total: 2, withTasks: 2 },
      tasks: { total: 3, withTicket: 3, withRequirements: 3, withFiles: 3 },
    })
  })

  test('names what blocks and what is missing', () => {
    const { design, ...plan } = sample()
    const sync = computeSync({ ...plan, design: { ...design, components: design.components.slice(0, 1) } })
    expect(sync.ready).toBe(false)
    expect(sync.blockers).toEqual(['design: REQ-002 is addressed by no component: list it in the requirements of one'])
    expect(sync.coverageMatrix[1]).toMatchObject({ status: 'partial', missing: ['component'] })
    expect(sync.validationResults.filter(({ passed }) => !passed).map(({ gate }) => gate)).toEqual([
      'requirements-addressed',
    ])
  })

  test('recommends an order for tasks that write the same file', () => {
    const { tasks, ...plan } = sample()
    const loose = tasks.tasks.map((task) => ({
      ...task,
      ticketId: null,
      dependsOn: [],
      files: { create: ['src/a.ts'], modify: [] },
    }))
    const sync = computeSync({ ...plan, tasks: { ...tasks, tickets: [], tasks: loose } })
    expect(sync.dependencyAnalysis.overlaps).toHaveLength(3)
    expect(sync.recommendations).toContain('TSK-001 and TSK-002 both write src/a.ts: let one depend on the other')
  })
})

describe('tickets waiting for tickets', () => {
  test('make first tasks wait for last ones, through tickets without tasks too', () => {
    const plan = tasksOf({
      tickets: [
        { id: 'T1', tasks: ['a', 'b'] },
        { id: 'T2', dependencies: { blocked_by: ['T1'] } },
        { id: 'T3', tasks: ['c', 'd'], dependencies: ['T2'] },
      ],
      tasks: [
        { id: 'a' },
        { id: 'b', dependencies: ['a'] },
        { id: 'c' },
        { id: 'd', dependencies: ['c'] },
        { id: 'e' },
      ],
    })
    expect(Object.fromEntries(dependenciesByTask(plan))).toEqual({ a: [], b: ['a'], c: ['b'], d: ['c'], e: [] })
  })

  test('end on any graph', () => {
    const plan = tasksOf({
      tickets: [
        { id: 'T1', dependencies: ['T2'] },
        { id: 'T2', dependencies: ['T1'] },
        { id: 'T3', tasks: ['a'], dependencies: ['T1', 'T404'] },
      ],
      tasks: [{ id: 'a' }],
    })
    expect(Object.fromEntries(dependenciesByTask(plan))).toEqual({ a: [] })
  })
})

describe('execution tickets', () => {
  test('are one for each task, with everything that it needs', () => {
    const { specId, tasks, design } = sample()
    const tickets = deriveTickets(specId, tasks, design)
    expect(
      tickets.map(({ ticketId, dependsOn, components, group }) => ({ ticketId, dependsOn, components, group })),
    ).toEqual([
      { ticketId: 'shop-TSK-001', dependsOn: [], components: ['OrderStore'], group: 'TKT-001' },
      { ticketId: 'shop-TSK-002', dependsOn: ['shop-TSK-001'], components: ['OrderService'], group: 'TKT-002' },
      { ticketId: 'shop-TSK-003', dependsOn: ['shop-TSK-002'], components: ['OrderService'], group: 'TKT-002' },
    ])
    expect(tickets[2]).toMatchObject({ role: 'qa', layer: 'L3', validation: ['npm test'], requirements: ['REQ-002'] })
    expect(deriveTickets(specId, tasks, design)).toEqual(tickets)
  })
})

describe('ids of tickets', () => {
  test('are plain where they can be', () => {
    expect(ticketIdOf('user-auth', 'TSK-001')).toBe('user-auth-TSK-001')
    expect(ticketIdOf('s', 'Create the model!')).toMatch(/^s-Create-the-model-[0-9a-z]{13}$/)
    expect(ticketIdOf('s'.repeat(64), 'TSK-001')).toMatch(/^s{42}-TSK-001-[0-9a-z]{13}$/)
  })

  test('are valid, and different for different tasks', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.stringMatching(/^[a-zA-Z-]{1,70}$/),
      fc.constantFrom('a', 'a-b', 'b', 'TSK-1', 'b-TSK-1'),
    )
    fc.assert(
      fc.property(text, text, text, text, (specA, localA, specB, localB) => {
        expect(ticketIdOf(specA, localA)).toMatch(/^[A-Za-z0-9_-]{1,64}$/)
        const same = specA === specB && localA === localB
        expect(ticketIdOf(specA, localA) === ticketIdOf(specB, localB)).toBe(same)
      }),
      { numRuns: 1_000 },
    )
  })
})
