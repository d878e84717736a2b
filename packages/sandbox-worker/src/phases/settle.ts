import {
  type NewFact,
  normalisePhase,
  type Phase,
  SpecfleetError,
  type TurnRecord,
  type Usage,
  type Verdict,
} from '@specfleet/shared'
import * as z from 'zod'
import type { Progress } from './progress.ts'

/**
 * The facts that follow from the verdicts of a stored turn, in their order. Moves `stated` on; a verdict
 * that `stated` knows already gives none, so a turn can be settled again after a crash.
 */
export function factsOfVerdicts(record: TurnRecord, stated: Progress, usageOf: (phase: Phase) => Usage): NewFact[] {
  return (record.verdicts ?? []).flatMap((verdict) => {
    if (!stated.isDue(verdict)) return []
    const { callId: _, phase, attempt, passed, score, gates, feedback } = verdict
    const { turn } = record
    const usage = usageOf(phase)
    const output = passed ? outputOf(record, verdict) : undefined
    const step = stated.advance(verdict, output)
    const facts: NewFact[] = [
      { type: 'phase.evaluated', data: { phase, attempt, turn, passed, score, gates, feedback } },
    ]
    if (passed) facts.push({ type: 'phase.completed', data: { phase, attempt, turn, output, score, usage } })
    if (step.do === 'give-up') {
      facts.push({ type: 'phase.failed', data: { phase, attempts: attempt, turn, reason: reasonOf(feedback), usage } })
    }
    return facts
  })
}

const reasonOf = (feedback: string): string => `no attempt passed; the last: ${feedback}`.slice(0, 8 * 1024)

const HandInCall = z.looseObject({ type: z.literal('tool_use'), id: z.string(), input: z.unknown() })

/** What a verdict judged: the input of its tool call, normalised as it was then. */
export function outputOf(record: TurnRecord, { callId, phase }: Pick<Verdict, 'callId' | 'phase'>): unknown {
  for (const { content } of record.messages) {
    if (!Array.isArray(content)) continue
    for (const block of content) {
      const call = HandInCall.safeParse(block)
      if (!call.success || call.data.id !== callId) continue
      const normalised = normalisePhase(phase, call.data.input)
      if (normalised.ok) return normalised.output
    }
  }
  throw new SpecfleetError('request.malformed', `turn ${record.turn} has a verdict on ${phase} but not its output`)
}
