import { EXECUTION_MODES, PHASES, SpecfleetError, TicketId } from '@specfleet/shared'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { choosePath, type PathVariables } from './choose.ts'

const ticket = TicketId.parse('TKT-001')

describe('choosePath', () => {
  it.each<[string, PathVariables]>([
    ['ticket', { TICKET_ID: ticket }],
    ['ticket', { TICKET_ID: ticket, EXECUTION_MODE: 'implementation' }],
    ['phases', { SPEC_PHASE: 'explore' }],
    ['phases', { SPEC_PHASE: 'design', EXECUTION_MODE: 'exploration', REQUIRE_SPEC_SKILL: 'true' }],
    ['prompt', { EXECUTION_MODE: 'exploration', REQUIRE_SPEC_SKILL: 'true' }],
    ['plain', { EXECUTION_MODE: 'exploration' }],
    ['plain', { REQUIRE_SPEC_SKILL: 'true' }],
    ['plain', { EXECUTION_MODE: 'implementation', REQUIRE_SPEC_SKILL: 'true' }],
    ['plain', { EXECUTION_MODE: 'exploration', REQUIRE_SPEC_SKILL: 'false' }],
    ['plain', {}],
  ])('takes %s for %j', (path, env) => {
    expect(choosePath(env)).toBe(path)
  })

  it.each<[RegExp, PathVariables]>([
    [/TICKET_ID.*SPEC_PHASE/, { TICKET_ID: ticket, SPEC_PHASE: 'explore' }],
    [/TICKET_ID.*EXECUTION_MODE/, { TICKET_ID: ticket, EXECUTION_MODE: 'exploration' }],
    [/SPEC_PHASE.*EXECUTION_MODE/, { SPEC_PHASE: 'explore', EXECUTION_MODE: 'implementation' }],
  ])('refuses %s', (message, env) => {
    expect(() => choosePath(env)).toThrow(message)
  })

  it('injects the skill only where both variables ask for it, and refuses with exit code 78 or not at all', () => {
    const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined })
    fc.assert(
      fc.property(
        fc.record({
          SPEC_PHASE: optional(fc.constantFrom(...PHASES)),
          EXECUTION_MODE: optional(fc.constantFrom(...EXECUTION_MODES)),
          REQUIRE_SPEC_SKILL: optional(fc.constantFrom('true' as const, 'false' as const)),
          TICKET_ID: optional(fc.constant(ticket)),
        }),
        (env) => {
          try {
            const path = choosePath(env)
            if (path === 'prompt') expect([env.EXECUTION_MODE, env.REQUIRE_SPEC_SKILL]).toEqual(['exploration', 'true'])
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(SpecfleetError)
            expect(thrown).toMatchObject({ exitCode: 78 })
          }
        },
      ),
    )
  })
})
