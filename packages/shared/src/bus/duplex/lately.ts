/** More than one caller has under way at a time. */
const MOST_OF_A_PEER = 16

/**
 * Calls that were seen a moment ago, by caller. Bounded: a caller's oldest go first, and callers that had none
 * for a while go altogether. Pure but for what it remembers; time is in milliseconds.
 */
export class Lately {
  readonly #forMs: number
  /** Callers in the order of their last call. */
  readonly #calls = new Map<string, { call: string; at: number }[]>()

  constructor(forMs: number) {
    this.#forMs = forMs
  }

  note(peer: string, call: string, now: number): void {
    const others = (this.#calls.get(peer) ?? []).filter((each) => each.call !== call)
    this.#calls.delete(peer)
    this.#calls.set(peer, [...others, { call, at: now }].slice(-MOST_OF_A_PEER))
    for (const [oldest, calls] of this.#calls) {
      if (calls.some(({ at }) => now - at < this.#forMs)) break
      this.#calls.delete(oldest)
    }
  }

  knows(peer: string, call: string, now: number): boolean {
    return this.#calls.get(peer)?.some((each) => each.call === call && now - each.at < this.#forMs) ?? false
  }
}
