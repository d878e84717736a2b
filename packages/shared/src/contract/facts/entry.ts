import { SpecId } from '../ids.ts'
import { parseScopedSubject } from '../subjects.ts'
import { type Fact, parseFact } from './index.ts'

/** What one entry of the log is worth. */
export type ReadEntry =
  | { readonly kind: 'fact'; readonly specId: SpecId; readonly fact: Fact }
  /** Counted under the spec whose subject it came on: nobody else can publish there. */
  | { readonly kind: 'refused'; readonly specId: SpecId | undefined; readonly reason: string }
  /** Of a kind that this version does not know. */
  | { readonly kind: 'unknown'; readonly specId: SpecId }

/**
 * Reads an entry; `value` is its parsed JSON, `undefined` when it is none. The subject is what the server let its author publish on, so where the
 * envelope says otherwise the envelope lies. Never throws.
 */
export function readEntry(at: string, value: unknown): ReadEntry {
  const subject = parseScopedSubject(at)
  const specId = SpecId.safeParse(subject?.specId)
  if (subject === undefined || !specId.success)
    return { kind: 'refused', specId: undefined, reason: 'no subject of a fact' }
  const refused = (reason: string): ReadEntry => ({ kind: 'refused', specId: specId.data, reason })

  if (value === undefined) return refused('fact.malformed: not JSON')
  const parsed = parseFact(value)
  if (parsed.kind === 'malformed') return refused(`fact.malformed: ${parsed.reason}`)
  const head = parsed.kind === 'fact' ? parsed.fact : parsed.envelope
  for (const field of ['specId', 'runId', 'epoch', 'type'] as const)
    if (head[field] !== subject[field]) return refused(`fact.misplaced: its ${field} is not that of its subject`)
  if (parsed.kind === 'unknown-type') return { kind: 'unknown', specId: specId.data }
  return { kind: 'fact', specId: specId.data, fact: parsed.fact }
}
