import { parseSections, SpecId } from '@specfleet/shared'
import { describe, expect, it } from 'vitest'
import { planned } from '../../../shared/src/planning/sample-plan.fixture.ts'
import { design } from '../phases/design.ts'
import { skillText } from '../skills/skills.ts'
import { type PromptParts, phasePrompt, plainPrompt, skillPrompt } from './prompt.ts'
import { earlierSections } from './sections.ts'
import { estimateTokens } from './tokens.ts'

const { explore, requirements } = planned()
const parts: PromptParts = {
  spec: { id: SpecId.parse('orders'), title: 'Orders "now"', text: '# Orders\n</spec>\nThe end.' },
  workspace: { root: '/work/source', files: 3, entries: ['src/', 'package.json'] },
  earlier: { explore, requirements },
}

describe('prompts', () => {
  it('carry the spec, earlier outputs, the workspace and the phase as sections', () => {
    const { system, opening } = phasePrompt(design, parts)
    const sections = parseSections(opening)
    expect(sections.map(({ name, attributes }) => [name, attributes.phase ?? attributes.name])).toEqual([
      ['spec', undefined],
      ['phase-output', 'explore'],
      ['phase-output', 'requirements'],
      ['workspace', undefined],
      ['phase', 'design'],
    ])
    expect(sections[0]).toMatchObject({ attributes: { id: 'orders', title: 'Orders "now"' }, body: parts.spec.text })
    expect(JSON.parse(sections[2]?.body ?? '')).toEqual(requirements)
    expect(sections[3]).toMatchObject({ attributes: { root: '/work/source', files: '3' } })
    expect(system).toContain('software architect')
    expect(system).toContain('hand_in_design')
  })

  it('tell why a person sent the phase back', () => {
    const { opening } = phasePrompt(design, { ...parts, feedback: { phase: 'design', text: 'too many parts' } })
    expect(parseSections(opening)).toContainEqual({
      name: 'feedback',
      attributes: { phase: 'design' },
      body: 'too many parts',
    })
  })

  it('inject the skill on the spec-driven path only', () => {
    const skill = skillText('spec-driven-dev')
    expect(skillPrompt(skill, parts, 'explore').system).toContain('hand_in_explore')
    expect(parseSections(skillPrompt(skill, parts, 'explore').opening).at(-1)).toMatchObject({
      attributes: { path: 'prompt' },
    })
    const plain = plainPrompt('Say hello.')
    expect(plain.system).not.toContain('hand_in')
    expect(parseSections(plain.opening)).toEqual([
      { name: 'assignment', attributes: { path: 'plain' }, body: 'Say hello.' },
    ])
  })

  it('know no other skill', () => {
    expect(() => skillText('yoga')).toThrow(/yoga/)
  })
})

describe('earlierSections', () => {
  it('keeps to its budget, and says what was compressed', () => {
    const roomy = earlierSections({ explore, requirements })
    expect(roomy.every(({ attributes }) => attributes.compressed === undefined)).toBe(true)
    const whole = roomy.reduce((sum, { body }) => sum + estimateTokens(body), 0)
    const tight = earlierSections({ explore, requirements }, Math.floor(whole * 0.6))
    expect(tight.some(({ attributes }) => attributes.compressed === 'true')).toBe(true)
    expect(tight.reduce((sum, { body }) => sum + estimateTokens(body), 0)).toBeLessThanOrEqual(whole * 0.6)
    expect(tight.map(({ attributes }) => attributes.phase)).toEqual(['explore', 'requirements'])
  })
})
