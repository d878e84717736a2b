import { type EarlierOutputs, PHASES, type PromptSection as Section, type SpecId } from '@specfleet/shared'
import { compress } from './compress.ts'

/** Room for the outputs of all earlier phases together, in tokens. */
const EARLIER_TOKENS = 48_000

/** What a worker sees of its workspace. */
export type WorkspaceView = {
  readonly root: string
  readonly files: number
  /** Top-level entries, folders with a trailing slash. */
  readonly entries: readonly string[]
}
export type SpecView = { readonly id: SpecId; readonly title: string; readonly text: string }

export const specSection = ({ id, title, text }: SpecView): Section => ({
  name: 'spec',
  attributes: { id, title },
  body: text,
})

const MAX_ENTRIES = 200

/** The workspace at a glance: how many files, and the names at its top. */
export function workspaceSection({ root, files, entries }: WorkspaceView): Section {
  const more = entries.length - MAX_ENTRIES
  const lines = more > 0 ? [...entries.slice(0, MAX_ENTRIES), `… and ${more} more`] : entries
  return { name: 'workspace', attributes: { root, files: String(files) }, body: lines.join('\n') }
}

/** Earlier phases' outputs, oldest first. What a small one leaves of its share of the budget goes to the larger ones. */
export function earlierSections(outputs: EarlierOutputs, tokens = EARLIER_TOKENS): Section[] {
  const present = PHASES.filter((phase) => outputs[phase] !== undefined)
  const excerpts = new Map<string, Section>()
  let room = tokens
  const bySize = present
    .map((phase) => ({ phase, size: JSON.stringify(outputs[phase]).length }))
    .sort((a, b) => a.size - b.size)
  for (const [at, { phase }] of bySize.entries()) {
    const share = Math.floor(room / (bySize.length - at))
    const { json, compressed } = compress(outputs[phase], share)
    room -= Math.min(share, Math.ceil(json.length / 4))
    excerpts.set(phase, {
      name: 'phase-output',
      attributes: { phase, ...(compressed ? { compressed: 'true' } : {}) },
      body: json,
    })
  }
  return present.flatMap((phase) => excerpts.get(phase) ?? [])
}
