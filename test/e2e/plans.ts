import type { SpecState } from '../../packages/shared/src/index.ts'

/** What the phases of a spec came to, but for its own id. */
export function planOf({ specId, results }: SpecState): Record<string, unknown> {
  const outputs = Object.fromEntries(Object.entries(results).map(([phase, result]) => [phase, result?.output]))
  return JSON.parse(JSON.stringify(outputs).replaceAll(`"${specId}"`, '"its id"'))
}

export const PHASES = ['explore', 'requirements', 'design', 'tasks', 'sync']
