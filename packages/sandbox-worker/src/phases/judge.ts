import {
  type EarlierOutputs,
  type Evaluation,
  evaluate,
  type Fault,
  normalisePhase,
  type Phase,
  type PhaseOutputs,
} from '@specfleet/shared'

/** What a fact of a phase may hold, in bytes; a message on the bus carries little more. */
const MAX_OUTPUT_BYTES = 768 * 1024

export type Judgement<P extends Phase = Phase> = Pick<Evaluation, 'passed' | 'score' | 'gates' | 'feedback'> & {
  /** The normalised output, where there is one. */
  readonly output?: PhaseOutputs[P]
}

/** Judges the raw output of a phase. Everything that can be wrong with it is a judgement, nothing throws. */
export function judge<P extends Phase>(
  phase: P,
  raw: unknown,
  earlier: EarlierOutputs,
  pathExists: (path: string) => boolean,
): Judgement<P> {
  const normalised = normalisePhase(phase, raw)
  if (!normalised.ok) return malformed(normalised.faults)
  const { output } = normalised
  const bytes = Buffer.byteLength(JSON.stringify(output))
  if (bytes > MAX_OUTPUT_BYTES) {
    return malformed([{ path: '', message: `${bytes} bytes are too much; hand in less than ${MAX_OUTPUT_BYTES}` }])
  }
  const { passed, score, gates, feedback } = evaluate(phase, output, earlier, { pathExists })
  return { passed, score, gates: gates.map(bounded), feedback: cut(feedback, MAX_FEEDBACK), output }
}

function malformed(faults: readonly Fault[]): Judgement<never> {
  const lines = faults.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`))
  const feedback = ['The output could not be read:', ...lines.map((line) => `- ${line}`)].join('\n')
  return {
    passed: false,
    score: 0,
    gates: [bounded({ gate: 'schema', passed: false, faults: lines })],
    feedback: cut(feedback, MAX_FEEDBACK),
  }
}

/** The limits that facts have. */
const MAX_FEEDBACK = 32 * 1024
const MAX_FAULTS = 50
const MAX_FAULT = 1_000
const bounded = (gate: Evaluation['gates'][number]): Evaluation['gates'][number] => ({
  ...gate,
  faults: gate.faults.slice(0, MAX_FAULTS).map((fault) => cut(fault, MAX_FAULT)),
})
const cut = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most - 1)}…` : text)
