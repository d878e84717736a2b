import { readFileSync } from 'node:fs'

/** The text of the spec-driven skill. In the bundle it stands in the code. */
export const specDrivenSkill = (): string => readFileSync(new URL('./SKILL.md', import.meta.url), 'utf8')
