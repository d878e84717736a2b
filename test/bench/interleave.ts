import { type Summary, summarise } from './statistics.ts'

/** Measures once, from whatever it must prepare to whatever it must clean up. */
export type Contender = () => Promise<number>

export type Rounds = {
  readonly rounds: number
  /** Rounds that come first and do not count. Default 1. */
  readonly warmUps?: number
  /** Stops between two measurements. */
  readonly signal: AbortSignal
}

/**
 * Measures all contenders in turn, again and again, so that what disturbs the machine disturbs all of
 * them. Every second round goes backwards: none always follows the same other.
 */
export async function interleave<Name extends string>(
  contenders: Readonly<Record<Name, Contender>>,
  { rounds, warmUps = 1, signal }: Rounds,
): Promise<Record<Name, Summary>> {
  const names = Object.keys(contenders) as Name[]
  const measured = new Map<Name, number[]>(names.map((name) => [name, []]))
  for (let round = -warmUps; round < rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      signal.throwIfAborted()
      const value = await contenders[name]()
      if (round >= 0) measured.get(name)?.push(value)
    }
  }
  const summaries = [...measured].map(([name, values]) => [name, summarise(values)] as const)
  return Object.fromEntries(summaries) as Record<Name, Summary>
}

/** Milliseconds that it takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}
