import { readFileSync } from 'node:fs'

/** The text of the spec-driven skill. The bundler replaces this module by the text itself. */
export const specDrivenSkill = (): string => readFileSync(new URL('./SKILL.md', import.meta.url), 'utf8')
