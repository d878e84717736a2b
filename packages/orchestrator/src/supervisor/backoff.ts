/** When a run that died is tried again, and when it is given up. Times in milliseconds. */
export type BackoffPolicy = {
  /** Wait after the first failure, before jitter. */
  readonly firstMs: number
  readonly longestMs: number
  /** An incarnation that lived so long has proven itself: the wait begins anew. */
  readonly provenMs: number
  /** Failures in a row after which a person decides. */
  readonly attemptLimit: number
}

/** How the last incarnation did before it died. */
export type LastLife = {
  readonly upMs: number
  /** Behind its fence it left something acknowledged: a phase, an evaluation, a turn. */
  readonly progressed: boolean
}

export type Retry =
  | { readonly kind: 'again'; readonly failures: number; readonly delayMs: number }
  | { readonly kind: 'give-up'; readonly failures: number }

/**
 * 1. The first death in a row of one that got somewhere is followed at once: most likely something else killed it.
 * 2. Every other waits, each longer than the one before: who dies by its own doing dies again.
 * 3. So of the incarnations of one run at most one in `provenMs` of working time is started without a wait.
 *
 * @param failures deaths in a row before this one
 * @param random from 0 to 1; spreads the waits of many runs that died together
 */
export function afterFailure(failures: number, life: LastLife, policy: BackoffPolicy, random: number): Retry {
  const proven = life.progressed && life.upMs >= policy.provenMs
  const now = proven ? 1 : failures + 1
  if (now >= policy.attemptLimit) return { kind: 'give-up', failures: now }
  const atOnce = now === 1 && life.progressed
  return { kind: 'again', failures: now, delayMs: atOnce ? 0 : delayOf(now, policy, random) }
}

/** Doubles with every failure up to the longest, then takes between half and all of it. */
export function delayOf(failures: number, policy: BackoffPolicy, random: number): number {
  const full = Math.min(policy.firstMs * 2 ** Math.min(failures - 1, 30), policy.longestMs)
  return Math.round(full * (0.5 + random / 2))
}
