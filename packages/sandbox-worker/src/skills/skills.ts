import { SpecfleetError } from '@specfleet/shared'
import { specDrivenSkill } from './spec-driven/skill.ts'

const SKILLS: ReadonlyMap<string, () => string> = new Map([['spec-driven-dev', specDrivenSkill]])

/** @throws SpecfleetError `sandbox-env.invalid` for a skill that this worker does not have */
export function skillText(name: string): string {
  const read = SKILLS.get(name)
  if (read !== undefined) return read()
  const known = [...SKILLS.keys()].join(', ')
  throw new SpecfleetError('sandbox-env.invalid', `the task selects the skill ${name}; this worker has ${known}`)
}
