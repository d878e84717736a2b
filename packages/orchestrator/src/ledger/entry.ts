import type { Fact, LogEntry } from '@specfleet/shared'
import { parseFact, parseScopedSubject, SpecId } from '@specfleet/shared'

/** What the ledger makes of one entry of the log. */
export type ReadEntry =
  | { readonly kind: 'fact'; readonly specId: SpecId; readonly fact: Fact }
  /** Counted under the spec whose subject it came on: nobody else can publish there. */
  | { readonly kind: 'refused'; readonly specId: SpecId | undefined; readonly reason: string }
  /** Of a kind that this version does not know. */
  | { readonly kind: 'unknown'; readonly specId: SpecId }

/**
 * Reads an entry. The subject is what the server let its author publish on, so where the
 * envelope says otherwise the envelope lies. Never throws.
 */
export function readEntry(entry: Pick<LogEntry, 'subject' | 'value'>): ReadEntry {
  const subject = parseScopedSubject(entry.subject)
  const specId = SpecId.safeParse(subject?.specId)
  if (subject === undefined || !specId.success)
    return { kind: 'refused', specId: undefined, reason: 'no subject of a fact' }
  const refused = (reason: string): ReadEntry => ({ kind: 'refused', specId: specId.data, reason })

  const value = entry.value()
  if (value === undefined) return refused('fact.malformed: not JSON')
  const parsed = parseFact(value)
  if (parsed.kind === 'malformed') return refused(`fact.malformed: ${parsed.reason}`)
  const head = parsed.kind === 'fact' ? parsed.fact : parsed.envelope
  for (const field of ['specId', 'runId', 'epoch', 'type'] as const)
    if (head[field] !== subject[field]) return refused(`fact.misplaced: its ${field} is not that of its subject`)
  if (parsed.kind === 'unknown-type') return { kind: 'unknown', specId: specId.data }
  return { kind: 'fact', specId: specId.data, fact: parsed.fact }
}
