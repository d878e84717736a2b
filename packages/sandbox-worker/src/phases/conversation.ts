import type { NewFact, Phase, TurnRecord } from '@specfleet/shared'
import type { Conversation } from '../agent/conversation.ts'
import type { Prompt } from '../context/prompt.ts'
import { handInTool } from '../tools/hand-in.ts'
import { Toolbox } from '../tools/registry.ts'
import type { Tool } from '../tools/tool.ts'
import { HandIns } from './hand-ins.ts'
import type { NextStep } from './machine.ts'
import { Progress, type ProgressState } from './progress.ts'
import { factsOfVerdicts, outputOf } from './settle.ts'
import { Spent } from './spent.ts'

export type SpecConversationOptions = {
  name: string
  prompt: Prompt
  stored: readonly TurnRecord[]
  start: ProgressState
  approval: ConstructorParameters<typeof Progress>[1]
  /** Phases whose hand-in tool is offered. */
  offered: readonly Phase[]
  workspaceTools: readonly Tool[]
  pathExists: (path: string) => boolean
  /** Whether the conversation ends with this step. */
  endsWith: (step: NextStep) => boolean
  state: (fact: NewFact) => Promise<void>
}

/**
 * A conversation in which phases are handed in. Two accounts are kept of where it stands: `judged` moves
 * on with each hand-in, `stated` with each fact in the log. They differ only while a turn is in progress,
 * and right after a crash.
 */
export class SpecConversation implements Conversation {
  readonly name: string
  readonly system: string
  readonly opening: string
  readonly nudge: string
  readonly stored: readonly TurnRecord[]
  readonly toolbox: Toolbox
  readonly #judged: Progress
  readonly #stated: Progress
  readonly #handIns: HandIns
  readonly #spent: Spent
  readonly #options: SpecConversationOptions

  constructor(options: SpecConversationOptions) {
    const { name, prompt, stored, start, approval, offered, workspaceTools, pathExists } = options
    this.name = name
    this.system = prompt.system
    this.opening = prompt.opening
    this.nudge = prompt.nudge
    this.stored = stored
    this.#options = options
    this.#judged = new Progress(start, approval)
    this.#stated = new Progress(start, approval)
    this.#handIns = new HandIns(this.#judged, { pathExists })
    this.#spent = new Spent(stored)
    this.toolbox = new Toolbox([
      ...workspaceTools,
      ...offered.map((phase) => handInTool(phase, (call) => this.#handIns.receive(phase, call))),
    ])
  }

  /** Where it stands by the facts in the log. */
  get progress(): Progress {
    return this.#stated
  }

  get spent(): Spent {
    return this.#spent
  }

  owesHandIn(): boolean {
    return !this.isOver()
  }

  isOver(): boolean {
    const { step } = this.#judged
    return step !== undefined && this.#options.endsWith(step)
  }

  standing(): { phase: Phase | null; attempt: number } {
    return { phase: this.#judged.phase ?? null, attempt: this.#judged.attempt }
  }

  takeVerdicts() {
    return this.#handIns.takeVerdicts()
  }

  async settle(record: TurnRecord): Promise<void> {
    this.#spent.add(record)
    for (const verdict of record.verdicts ?? []) {
      // After a crash: it was judged by an earlier incarnation.
      if (this.#judged.isDue(verdict)) {
        this.#judged.advance(verdict, verdict.passed ? outputOf(record, verdict) : undefined)
      }
    }
    const facts = factsOfVerdicts(record, this.#stated, (phase) => this.#spent.on(phase))
    for (const fact of facts) await this.#options.state(fact)
  }
}
