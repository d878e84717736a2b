import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ID_PATTERN } from '../contract/ids.ts'
import { recordsOf } from './records.ts'
import { plannedLog, SPEC, SpecLog } from './spec-log.fixture.ts'

describe('the records of a spec', () => {
  it('come into being with the checkpoint that makes them', () => {
    const log = new SpecLog().submit().claim().fence().complete('explore')
    expect(recordsOf(log.spec).requirements).toEqual({})
    log.complete('requirements')
    const { requirements, criteria, components } = recordsOf(log.spec)
    expect(Object.keys(requirements)).toEqual(['orders-REQ-001', 'orders-REQ-002'])
    expect(requirements['orders-REQ-002']).toMatchObject({
      specId: SPEC,
      localId: 'REQ-002',
      dependsOn: ['orders-REQ-001'],
    })
    expect(criteria['orders-REQ-001-AC-2']).toMatchObject({
      requirementId: 'orders-REQ-001',
      text: 'The response holds the order id',
    })
    expect(components).toEqual({})
  })

  it('link tasks and components to requirements by id', () => {
    const { components, specTasks } = recordsOf(plannedLog().spec)
    const store = Object.values(components).find(({ name }) => name === 'OrderStore')
    expect(store?.requirements).toEqual(['orders-REQ-001'])
    expect(specTasks['orders-TSK-002']?.dependsOn).toEqual(['orders-TSK-001'])
  })

  it('are the same when the checkpoint is repeated', () => {
    const log = plannedLog()
    const before = recordsOf(log.spec)
    log.command({ command: 'rerun', specId: SPEC, from: 'explore' }).fence()
    for (const phase of ['explore', 'requirements', 'design', 'tasks', 'sync'] as const) log.complete(phase)
    expect(recordsOf(log.spec)).toEqual(before)
  })

  it('have ids that may stand anywhere, whatever the plan calls things', () => {
    const log = plannedLog()
    const { requirements, ...results } = log.spec.results
    if (requirements === undefined) throw new Error('the plan has requirements')
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ minLength: 1, unit: 'grapheme' }), { minLength: 1, maxLength: 8 }),
        (ids) => {
          const [first] = requirements.output.requirements
          if (first === undefined) throw new Error('the plan has a requirement')
          const output = { ...requirements.output, requirements: ids.map((id) => ({ ...first, id })) }
          const records = recordsOf({
            specId: SPEC,
            results: { ...results, requirements: { ...requirements, output } },
          })
          expect(Object.keys(records.requirements)).toHaveLength(ids.length)
          expect(Object.keys(records.criteria)).toHaveLength(ids.length * first.acceptanceCriteria.length)
          for (const id of [...Object.keys(records.requirements), ...Object.keys(records.criteria)]) {
            expect(id).toMatch(ID_PATTERN)
          }
        },
      ),
    )
  })
})
