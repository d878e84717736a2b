import { addUsage, NO_USAGE, type Phase, type TurnRecord, type Usage } from '@specfleet/shared'

/** What each phase has used, turn by turn; a turn counts once however often it is told. */
export class Spent {
  readonly #byPhase = new Map<Phase, Usage>()
  #lastTurn = 0

  constructor(turns: readonly TurnRecord[]) {
    for (const turn of turns) this.add(turn)
  }

  add({ turn, phase, usage }: Pick<TurnRecord, 'turn' | 'phase' | 'usage'>): void {
    if (turn <= this.#lastTurn) return
    this.#lastTurn = turn
    if (phase !== null) this.#byPhase.set(phase, addUsage(this.on(phase), usage))
  }

  on(phase: Phase): Usage {
    return this.#byPhase.get(phase) ?? NO_USAGE
  }
}
