import type { Violation } from '../trial.ts'

export const PROMISES = [
  'settles once',
  'same final state',
  'replay gives the view',
  'one turn a crash',
  'carried over',
  'fenced',
  'zombies end',
  'parks and goes on',
  'nothing left',
  'comes to an end',
] as const
export type Promised = (typeof PROMISES)[number]

/** Most pieces of evidence that are shown: one proves it, and the rest is in the log. */
const SHOWN = 20

export const against = (promise: Promised, sentence: string, evidence: readonly string[] = []): Violation => ({
  promise,
  sentence,
  evidence: evidence.slice(0, SHOWN),
})

/** Each expectation that does not hold is a sentence. */
export const unless = (holds: boolean, violation: () => Violation): Violation[] => (holds ? [] : [violation()])
