import type { Outcome } from '../trial.ts'
import { type Circumstances, reproduce } from './reproduce.ts'
import { resultOf, type Summary } from './summary.ts'
import { asMarkdown, asText, coldStartLine, legendLines, matrixTable, skipLines, victimTable } from './table.ts'
import { isOnTarget } from './targets.ts'

/** All that is reported of one run of the matrix. */
export type Report = {
  readonly seed: number
  readonly machine: string
  /** How many trials went on at a time. */
  readonly jobs: number
  /** Trials that were planned; fewer outcomes mean that it was ended early. */
  readonly planned: number
  readonly ms: number
  readonly outcomes: readonly Outcome[]
  readonly summary: Summary
  readonly circumstances: Circumstances
}

const pluralEnd = (count: number): string => (count === 1 ? '' : 's')

function totals({ outcomes, planned, seed, ms, jobs, machine, circumstances }: Report): string[] {
  const violated = outcomes.filter((outcome) => resultOf(outcome) === 'violated').length
  const skipped = outcomes.filter((outcome) => resultOf(outcome) === 'skipped').length
  const done = outcomes.length === planned ? `${planned}` : `${outcomes.length} of ${planned}`
  return [
    `${done} trial${pluralEnd(planned)} with seed ${seed}, provider ${circumstances.provider}, in ${Math.round(ms / 1_000)} s, ${jobs} at a time: ` +
      `${outcomes.length - violated - skipped} held, ${violated} violated, ${skipped} without a blow.`,
    `Machine: ${machine}.`,
  ]
}

/** For a terminal. */
export function reportAsText(report: Report, header: (text: string) => string): string[] {
  const { summary } = report
  const skips = skipLines(summary)
  return [
    ...asText(matrixTable(summary), header),
    '',
    ...legendLines(summary),
    '',
    ...asText(victimTable(summary), header),
    '',
    coldStartLine(summary),
    ...(skips.length === 0 ? [] : ['Not there:', ...skips.map((line) => `  ${line}`)]),
    ...totals(report),
  ]
}

/** For docs/reliability.md. */
export function reportAsMarkdown(report: Report): string[] {
  const { summary } = report
  return [
    ...totals(report),
    '',
    coldStartLine(summary),
    '',
    ...asMarkdown(victimTable(summary)),
    '',
    ...asMarkdown(matrixTable(summary)),
    '',
    ...legendLines(summary),
    ...skipLines(summary).flatMap((line, at) => [...(at === 0 ? ['', 'Not there:', ''] : []), `- ${line}`]),
  ]
}

/** For programs; numbers are not rounded. */
export function reportAsJson({ circumstances, summary, outcomes, ...about }: Report) {
  return {
    ...about,
    coldStart: summary.coldStart ?? null,
    victims: summary.victims.map((each) => ({
      ...each,
      skips: Object.fromEntries(each.skips),
      recovery: each.recovery ?? null,
      onTarget: isOnTarget(each, summary) ?? null,
    })),
    outcomes: outcomes.map((outcome) => ({
      ...outcome,
      result: resultOf(outcome),
      again: reproduce(outcome.trial, circumstances),
    })),
  }
}
