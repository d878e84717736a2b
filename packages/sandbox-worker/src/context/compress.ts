import { estimateTokens } from './tokens.ts'

/** The output of an earlier phase as it goes into a prompt. */
export type Excerpt = { readonly json: string; readonly compressed: boolean }

/** Ever harder ways to shorten: longest text in characters, most entries of a list. */
const STEPS = [
  { text: 600, entries: 200 },
  { text: 240, entries: 100 },
  { text: 120, entries: 60 },
  { text: 60, entries: 30 },
  { text: 30, entries: 12 },
  { text: 16, entries: 4 },
] as const

/** Fields that later phases refer to: never shortened. */
const REFERENCE = /^(?:id|ids|path|file|filePath|phase|.*Ids?)$/

/**
 * A value as JSON within a token budget: first long texts are cut, then long lists, until it fits.
 * Ids and paths stay whole, because later phases refer to them. What still does not fit is the value's
 * outline, which names its fields and their sizes.
 */
export function compress(value: unknown, tokens: number): Excerpt {
  const whole = JSON.stringify(value) ?? 'null'
  if (estimateTokens(whole) <= tokens) return { json: whole, compressed: false }
  for (const step of STEPS) {
    const json = JSON.stringify(shorten(value, step, false))
    if (estimateTokens(json) <= tokens) return { json, compressed: true }
  }
  return { json: JSON.stringify(outline(value)), compressed: true }
}

type Limits = { text: number; entries: number }

function shorten(value: unknown, limits: Limits, exempt: boolean): unknown {
  if (typeof value === 'string') {
    return exempt || value.length <= limits.text ? value : `${value.slice(0, limits.text - 1)}…`
  }
  if (Array.isArray(value)) {
    const kept = value.slice(0, limits.entries).map((entry) => shorten(entry, limits, exempt))
    return value.length > kept.length ? [...kept, `… and ${value.length - kept.length} more`] : kept
  }
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([, entry]) => !isEmpty(entry))
  return Object.fromEntries(entries.map(([key, entry]) => [key, shorten(entry, limits, REFERENCE.test(key))]))
}

const isEmpty = (value: unknown): boolean => value === '' || (Array.isArray(value) && value.length === 0)

function outline(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return '…'
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [key, Array.isArray(entry) ? `${entry.length} entries` : '…']),
  )
}
