import type { GateResult } from '../contract/facts/phase.ts'
import type { Phase } from '../contract/phase.ts'
import { evaluateGates, type GateFacts } from './gates.ts'
import type { EarlierOutputs, PhaseOutputs } from './outputs/phase-outputs.ts'
import { designParts, syncParts, tasksParts } from './plan-score-parts.ts'
import { exploreParts, requirementsParts, type ScorePart } from './score-parts.ts'

/** The score that an output needs beside its gates. */
export const PASS_MARK = 0.7

export interface PhaseScore {
  /** 0 to 1: the weighted average of the parts, to four decimals. */
  score: number
  parts: ScorePart[]
}

export interface PhaseEvaluation extends PhaseScore {
  /** Every gate holds and the score reaches the pass mark. */
  passed: boolean
  gates: GateResult[]
  /** What to mend, in words for whoever wrote the output. */
  feedback: string
}

/** How good an output is. What must not be at all is a gate and has no weight here. Total. */
export function score<P extends Phase>(phase: P, output: PhaseOutputs[P], earlier: EarlierOutputs): PhaseScore {
  const parts = partsOf({ ...earlier, [phase]: output }, phase)
  const sum = parts.reduce((total, { weight, value }) => total + weight * value, 0)
  return { score: Math.round(sum * 10_000) / 10_000, parts }
}

function partsOf({ explore, requirements, design, tasks, sync }: EarlierOutputs, phase: Phase): ScorePart[] {
  if (phase === 'explore' && explore !== undefined) return exploreParts(explore)
  if (phase === 'requirements' && requirements !== undefined) return requirementsParts(requirements)
  if (phase === 'design' && design !== undefined) return designParts(design, requirements)
  if (phase === 'tasks' && tasks !== undefined) return tasksParts(tasks)
  if (phase === 'sync' && sync !== undefined) return syncParts(sync)
  return []
}

/** Gates and score of an output together, with the feedback for another attempt. */
export function evaluate<P extends Phase>(
  phase: P,
  output: PhaseOutputs[P],
  earlier: EarlierOutputs,
  facts: GateFacts = {},
): PhaseEvaluation {
  const gates = evaluateGates(phase, output, earlier, facts)
  const { score: reached, parts } = score(phase, output, earlier)
  const passed = reached >= PASS_MARK && gates.every((gate) => gate.passed)
  return { passed, score: reached, gates, parts, feedback: feedbackOf({ passed, score: reached, gates, parts }) }
}

const MAX_FAULTS_A_GATE = 8
const MAX_WEAK_PARTS = 4

function feedbackOf({ passed, score: reached, gates, parts }: Omit<PhaseEvaluation, 'feedback'>): string {
  const failed = gates.filter((gate) => !gate.passed)
  const verdict = passed ? 'Accepted' : 'Not accepted'
  const lines = [
    `${verdict}: score ${reached.toFixed(2)} of ${PASS_MARK.toFixed(2)} needed, ${failed.length} of ${gates.length} gates failed.`,
  ]
  for (const { gate, faults } of failed) {
    lines.push(`Gate ${gate} failed:`, ...faults.slice(0, MAX_FAULTS_A_GATE).map((fault) => `- ${fault}`))
    if (faults.length > MAX_FAULTS_A_GATE) lines.push(`- … and ${faults.length - MAX_FAULTS_A_GATE} more`)
  }
  const weak = parts
    .filter(({ value }) => value < 1)
    .sort((a, b) => b.weight * (1 - b.value) - a.weight * (1 - a.value))
    .slice(0, MAX_WEAK_PARTS)
  if (weak.length > 0) lines.push('What would raise the score most:')
  for (const { name, weight, value, hint } of weak)
    lines.push(`- ${name} (${(weight * value).toFixed(2)} of ${weight.toFixed(2)}): ${hint}`)
  return lines.join('\n')
}
