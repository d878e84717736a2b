const AT_ONCE = 4
const AT_ONCE_BESIDE_STARTS = 1

/** Who may remove what is left, and when: a few at a time, and only one while a sandbox is being started. */
export class SweepTurns implements Disposable {
  readonly #waiting: (() => void)[] = []
  #starts = 0
  #atWork = 0
  #over = false

  /** A start is under way until it is disposed of. */
  start(): Disposable {
    this.#starts += 1
    let over = false
    return {
      [Symbol.dispose]: () => {
        if (!over) this.#starts -= 1
        over = true
        this.#proceed()
      },
    }
  }

  /** Resolves behind the work, in the order that was asked; without having done it when all is over. */
  async take(work: () => Promise<void>): Promise<void> {
    if (this.#isFree) this.#atWork += 1
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      if (!this.#over) await work()
    } finally {
      this.#atWork -= 1
      this.#proceed()
    }
  }

  /** What is under way comes to its end; nothing is begun any more. */
  [Symbol.dispose](): void {
    this.#over = true
    this.#proceed()
  }

  #proceed(): void {
    while (this.#waiting.length > 0 && this.#isFree) {
      this.#atWork += 1
      this.#waiting.shift()?.()
    }
  }

  get #isFree(): boolean {
    return this.#over || this.#atWork < (this.#starts > 0 ? AT_ONCE_BESIDE_STARTS : AT_ONCE)
  }
}
