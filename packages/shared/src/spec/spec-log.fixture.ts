import type { z } from 'zod'
import type { Command } from '../contract/api.ts'
import type { Author } from '../contract/envelope.ts'
import { type FACTS, type Fact, type FactType, parseFact } from '../contract/facts/index.ts'
import { RunId, SpecId } from '../contract/ids.ts'
import { APPROVAL_GATES, PHASES, type Phase } from '../contract/phase.ts'
import { NO_USAGE, type Usage } from '../contract/usage.ts'
import { samplePlan } from '../planning/sample-plan.fixture.ts'
import { decide } from './decide.ts'
import { fold } from './reduce.ts'
import type { RunView } from './run-view.ts'
import { runOf, type SpecState } from './state.ts'

/** Logs of specs for tests: written fact by fact, or simulated from a list of numbers. */

export const SPEC = SpecId.parse('orders')
export const RUN = RunId.parse('task-1')

export const usageOf = (turns: number): Usage => ({ ...NO_USAGE, turns, inputTokens: 100 * turns, usd: turns / 8 })

/** Payload of a fact, as somebody writes it. */
export type Given<T extends FactType> = z.input<(typeof FACTS)[T]>

type Place = { by?: Author; runId?: string; epoch?: number; seq?: number; specId?: string; id?: string }

let made = 0

/** A fact as it comes off the wire. Throws when it would be refused there. */
export function factOf<T extends FactType>(type: T, data: Given<T>, place: Place = {}): Fact {
  const value: unknown = JSON.parse(
    JSON.stringify({
      v: 1,
      id: place.id ?? `fact-${++made}`,
      type,
      specId: place.specId ?? SPEC,
      runId: place.runId ?? '-',
      epoch: place.epoch ?? 0,
      seq: place.seq ?? 0,
      at: '2026-11-20T12:00:00.000Z',
      by: place.by ?? 'api',
      data,
    }),
  )
  const parsed = parseFact(value)
  if (parsed.kind !== 'fact') throw new Error(`no fact: ${JSON.stringify(parsed)}`)
  return parsed.fact
}

type Submission = Partial<Given<'spec.submitted'>>

/** A log that is written as its parts would write it. */
export class SpecLog {
  readonly facts: Fact[] = []
  state: SpecState | undefined
  #workerSeq = new Map<string, number>()

  /** The state, which a log without its first task lacks. */
  get spec(): SpecState {
    if (this.state === undefined) throw new Error('the log has no first task')
    return this.state
  }

  append(fact: Fact): this {
    this.facts.push(fact)
    this.state = fold(this.state, fact, this.facts.length)
    return this
  }

  by<T extends FactType>(author: Author, type: T, data: Given<T>, place: Place = {}): this {
    return this.append(factOf(type, data, { by: author, ...place }))
  }

  submit(taskId = 'task-1', submission: Submission = {}): this {
    const data: Given<'spec.submitted'> = {
      taskId,
      kind: 'spec',
      projectId: 'shop',
      title: 'Orders',
      ...(this.state === undefined ? { text: '# Orders' } : {}),
      executionMode: 'exploration',
      approval: 'auto',
      budget: {},
      ...submission,
    }
    return this.append(factOf('spec.submitted', data, { by: 'intake' }))
  }

  claim(taskId = 'task-1'): this {
    const submission = this.spec.submissions[taskId]
    if (submission === undefined) throw new Error(`task ${taskId} was not submitted`)
    const data = { taskId: submission.taskId, kind: submission.kind, owner: 'orchestrator-1' }
    return this.by('intake', 'run.claimed', data, { runId: taskId })
  }

  /** The next epoch of a run; `turnsUpTo` is that of all turns before it. */
  fence(runId: string = RUN, turnsUpTo = 0): this {
    const epoch = this.run(runId).epoch + 1
    const data = { owner: 'orchestrator-1', turnsUpTo }
    return this.by('supervisor', 'run.fenced', data, { runId, epoch })
  }

  run(runId: string = RUN): RunView {
    const run = runOf(this.spec, runId)
    if (run === undefined) throw new Error(`run ${runId} was not claimed`)
    return run
  }

  /** A fact of the run's current worker. */
  say<T extends FactType>(type: T, data: Given<T>, runId: string = RUN): this {
    const { epoch } = this.run(runId)
    const key = `${runId}/${epoch}`
    const seq = (this.#workerSeq.get(key) ?? 0) + 1
    this.#workerSeq.set(key, seq)
    return this.by('worker', type, data, { runId, epoch, seq })
  }

  complete(phase: Phase, runId: string = RUN, turn = 1): this {
    return this.say('phase.completed', completion(phase, turn), runId)
  }

  supervise<T extends 'run.lost' | 'run.parked' | 'run.settled'>(type: T, data: Given<T>, runId: string = RUN): this {
    return this.by('supervisor', type, data, { runId, epoch: this.run(runId).epoch })
  }

  /** Carries a command out; throws when it is refused. */
  command(command: Command): this {
    const decision = decide(this.state, command)
    if (!decision.ok) throw new Error(decision.message)
    for (const fact of decision.facts) this.append(factOf(fact.type, fact.data))
    return this
  }
}

export function completion(phase: Phase, turn = 1): Given<'phase.completed'> {
  const output = phase === 'sync' ? {} : samplePlan()[phase]
  return { phase, attempt: 1, turn, output, score: 1, usage: usageOf(2) }
}

export const verdict = (phase: Phase, attempt: number, turn = attempt): Given<'phase.evaluated'> => ({
  phase,
  attempt,
  turn,
  passed: false,
  score: 0.4,
  gates: [{ gate: 'valid-ears', passed: false, faults: ['REQ-001: no SHALL'] }],
  feedback: 'mend REQ-001',
})

/** A log up to its tickets. */
export function plannedLog(submission: Submission = {}): SpecLog {
  const log = new SpecLog().submit('task-1', submission).claim().fence()
  for (const phase of PHASES) log.complete(phase)
  return log
}

export const COMMANDS: readonly Command[] = [
  { command: 'pause', specId: SPEC },
  { command: 'resume', specId: SPEC },
  { command: 'cancel', specId: SPEC, reason: 'no need' },
  { command: 'retry', specId: SPEC },
  { command: 'approve', specId: SPEC, who: 'ada' },
  { command: 'reject', specId: SPEC, reason: 'too vague' },
  { command: 'edit', specId: SPEC, text: '# Orders, again' },
  ...PHASES.map((from): Command => ({ command: 'rerun', specId: SPEC, from })),
  ...APPROVAL_GATES.map((gate): Command => ({ command: 'approve', specId: SPEC, gate })),
  { command: 'archive', specId: SPEC },
  { command: 'steer', specId: SPEC, text: 'look at src' },
]
