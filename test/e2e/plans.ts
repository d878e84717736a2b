import type { SpecState } from '../../packages/shared/src/index.ts'
import type { Call } from './gated-model.ts'

/** What the phases of a spec came to, but for its own id. */
export function planOf({ specId, results }: SpecState): Record<string, unknown> {
  const outputs = Object.fromEntries(Object.entries(results).map(([phase, result]) => [phase, result?.output]))
  return JSON.parse(JSON.stringify(outputs).replaceAll(`"${specId}"`, '"its id"'))
}

export const PHASES = ['explore', 'requirements', 'design', 'tasks', 'sync']

/** Model calls that were made again: turns that were paid twice. */
export const paidTwice = (calls: readonly Call[]): number =>
  calls.length - new Set(calls.map(({ fingerprint }) => fingerprint)).size
