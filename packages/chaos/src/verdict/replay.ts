import { fold, foldRefused, type SpecState } from '@specfleet/shared'
import type { Violation } from '../trial.ts'
import type { Heard } from '../world/chronicle.ts'
import type { Evidence } from './evidence.ts'
import { differences } from './final-state.ts'
import { against } from './violation.ts'

/** Folding the log again gives every view, and what the fleet tells, byte for byte. */
export function judgeReplay({ tasks, log, views, told }: Evidence): Violation[] {
  return tasks.flatMap(({ specId }) => {
    const view = views.get(specId)
    const stored = view === undefined ? [] : compare('the view', specId, view.text, foldTo(log, specId, view.foldedTo))
    const answer = told.get(specId)
    // It may know more than was in the log when it was asked, but nothing less.
    const upTo = Math.max(answer?.foldedTo ?? 0, answer?.askedAt ?? Number.POSITIVE_INFINITY)
    return [...stored, ...compare('what the fleet tells', specId, answer?.text, foldTo(log, specId, upTo))]
  })
}

function compare(what: string, specId: string, text: string | undefined, folded: SpecState | undefined): Violation[] {
  const wanted = JSON.stringify(folded)
  if (text === wanted) return []
  const found: unknown = text === undefined ? undefined : JSON.parse(text)
  const differing = differences(found, wanted === undefined ? undefined : JSON.parse(wanted))
  const evidence = differing.length > 0 ? differing : ['the same values in another order']
  return [against('replay gives the view', `${what} of spec ${specId} is not the fold of its log`, evidence)]
}

export function foldTo(log: readonly Heard[], specId: string, upTo = Number.POSITIVE_INFINITY): SpecState | undefined {
  let state: SpecState | undefined
  for (const { seq, read } of log) {
    if (seq > upTo || !('specId' in read) || read.specId !== specId) continue
    if (read.kind === 'fact') state = fold(state, read.fact, seq)
    if (read.kind === 'refused') state = foldRefused(state, read.reason, seq)
  }
  return state
}
