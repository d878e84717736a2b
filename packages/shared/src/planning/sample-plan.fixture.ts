import { normaliseEarlier } from './outputs/phase-outputs.ts'
import { computeSync } from './sync.ts'

/** A small plan that passes every gate, as a model hands it in; tests bend it. */
export const samplePlan = () => ({
  explore: {
    codebase_summary: 'A TypeScript shop with an HTTP API in src/api and its stock in SQLite.',
    project_type: 'TypeScript service',
    tech_stack: ['TypeScript', 'SQLite'],
    structure: { api: 'src/api', tests: './test/' },
    key_files: [
      { path: 'src/api/server.ts', purpose: 'routes' },
      { path: 'src/stock.ts', purpose: 'stock' },
      { path: 'package.json', purpose: 'scripts' },
    ],
    relevant_patterns: [{ pattern: 'repository', description: 'one file a table', files: ['src/stock.ts'] }],
    conventions: { naming: 'camelCase', testing: 'vitest', patterns: ['early return'] },
    discovery_questions: [{ category: 'Problem & Value', questions: ['Who orders?'] }],
    feature_summary: {
      name: 'orders',
      problem_statement: 'Nobody can order.',
      scope_in: ['ordering'],
      scope_out: ['payment'],
    },
    related_to_feature: [{ name: 'stock', file: 'src/stock.ts', relevance: 'is reduced' }],
    entry_points: ['src/api/server.ts', 'npm start'],
  },
  requirements: {
    feature_name: 'orders',
    requirements: [
      {
        id: 'REQ-001',
        title: 'Place an order',
        type: 'functional',
        priority: 'HIGH',
        text: 'WHEN a customer submits a cart, THE SYSTEM SHALL store an order.',
        acceptance_criteria: ['The order is stored with its items', 'The response holds the order id'],
      },
      {
        id: 'REQ-002',
        title: 'Refuse what is not there',
        type: 'functional',
        priority: 'MEDIUM',
        text: 'IF an item is out of stock, THEN THE SYSTEM SHALL answer 409.',
        acceptance_criteria: ['The answer has status 409', 'The stock stays as it was'],
        dependencies: ['REQ-001'],
      },
    ],
    assumptions: ['one currency'],
    out_of_scope: ['payment'],
    traceability: { prd_sections: ['Ordering'], design_components: ['OrderService'] },
  },
  design: {
    feature_name: 'orders',
    architecture_overview:
      'A route takes the cart and hands it to the order service, which checks the stock and writes the order in one transaction.',
    components: [
      {
        name: 'OrderStore',
        layer: 'L0',
        file_path: 'src/order-store.ts',
        responsibility: 'Keeps orders.',
        requirements: ['REQ-001'],
      },
      {
        name: 'OrderService',
        layer: 'L1',
        file_path: 'src/orders.ts',
        responsibilities: ['Checks the stock', 'Answers REQ-002'],
        dependencies: ['OrderStore'],
      },
    ],
    data_models: [{ name: 'Order', fields: { id: 'TEXT', items: 'JSON' } }],
    api_endpoints: [{ method: 'post', path: '/orders', description: 'Places an order' }],
    testing_strategy: { unit_tests: ['orders'], integration_tests: ['POST /orders'] },
    error_handling: { 'out of stock': '409' },
    security_considerations: ['validate the cart', 'bind parameters'],
    integration_points: ['src/stock.ts'],
  },
  tasks: {
    feature_name: 'orders',
    tickets: [
      { id: 'TKT-001', title: 'Storage', tasks: ['TSK-001'], requirements: ['REQ-001'] },
      { id: 'TKT-002', title: 'Ordering', tasks: ['TSK-002', 'TSK-003'], dependencies: { blocked_by: ['TKT-001'] } },
    ],
    tasks: [
      {
        id: 'TSK-001',
        title: 'Keep orders',
        description: 'Add the table and its repository.',
        type: 'implementation',
        parent_ticket: 'TKT-001',
        layer: 'L0',
        estimated_hours: 2,
        files_to_create: ['src/order-store.ts'],
        dependencies: { depends_on: [], blocks: ['TSK-002'] },
        requirements_addressed: ['REQ-001'],
        acceptance_criteria: ['An order can be read back'],
        validation: ['npm test'],
      },
      {
        id: 'TSK-002',
        title: 'Place orders',
        description: 'Check the stock, write the order.',
        type: 'implementation',
        parent_ticket: 'TKT-002',
        layer: 'L1',
        estimated_hours: 3,
        files_to_create: ['src/orders.ts'],
        files_to_modify: ['src/api/server.ts'],
        requirements_addressed: ['REQ-001', 'REQ-002'],
        acceptance_criteria: ['409 for what is out of stock'],
        validation: ['npm test'],
      },
      {
        id: 'TSK-003',
        title: 'Test orders',
        description: 'Cover both requirements end to end.',
        type: 'test',
        parent_ticket: 'TKT-002',
        layer: 'L3',
        estimated_hours: 1,
        files_to_create: ['test/orders.test.ts'],
        dependencies: ['TSK-002'],
        requirements_addressed: ['REQ-002'],
        acceptance_criteria: ['Both requirements are covered'],
        validation: ['npm test'],
      },
    ],
    total_estimated_hours: 6,
    critical_path: ['TSK-001', 'TSK-002', 'TSK-003'],
  },
})

export type WildPlan = ReturnType<typeof samplePlan>

/** The sample plan, bent and normalised, with its sync output. */
export function planned(bend: (wild: WildPlan) => void = () => {}) {
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

/** The entry of a list; the samples have it. */
export function entry<T>(list: T[], index: number): T {
  const found = list[index]
  if (found === undefined) throw new Error(`the sample has no entry ${index}`)
  return found
}
