import type { Named } from './name.ts'
import { ANY, type PointName } from './point.ts'

/** How often what was said: for each run (or spec, or orchestrator) of its own, and all together. */
export class Tally {
  readonly #ofEach: Map<PointName, Map<string, number>>
  #all: number

  constructor(from?: Tally) {
    this.#all = from === undefined ? 0 : from.#all
    this.#ofEach = new Map(
      from === undefined ? [] : [...from.#ofEach].map(([name, counts]) => [name, new Map(counts)] as const),
    )
  }

  count({ name, about }: Named): void {
    this.#all += 1
    const counts = this.#ofEach.get(name) ?? new Map<string, number>()
    this.#ofEach.set(name, counts.set(about, (counts.get(about) ?? 0) + 1))
  }

  /** Of the wanted name, counted for those it is about; of `any`, of all that was said. */
  of(wanted: PointName, { about }: Named): number {
    return wanted === ANY ? this.#all : (this.#ofEach.get(wanted)?.get(about) ?? 0)
  }

  /** By name, the most that was said of one run (or spec, or orchestrator) behind an earlier count. */
  since(before: Tally): ReadonlyMap<PointName, number> {
    const most = [...this.#ofEach].map(([name, counts]): [PointName, number] => {
      const earlier = before.#ofEach.get(name)
      return [name, Math.max(...[...counts].map(([about, count]) => count - (earlier?.get(about) ?? 0)))]
    })
    return new Map([...most, [ANY, this.#all - before.#all] as const].filter(([, count]) => count > 0))
  }
}
