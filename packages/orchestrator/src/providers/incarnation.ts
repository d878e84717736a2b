import { isDeepStrictEqual } from 'node:util'
import type { Labels } from './provider.ts'

/** Whether both are of the same one: the time at which a sandbox may be removed is none of its identity. */
export function isSameIncarnation(one: Labels, other: Labels): boolean {
  const [{ expiresAt: _, ...first }, { expiresAt: __, ...second }] = [one, other]
  return isDeepStrictEqual(first, second)
}
