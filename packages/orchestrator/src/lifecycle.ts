/** What a process does when it is told to stop: the first signal drains, the second forces. */
export type Stops = Disposable & {
  /** Aborts at the first signal: take nothing new, let work come to a good end. */
  readonly drain: AbortSignal
  /** Aborts at the second: end now; what is left is found again by others. */
  readonly force: AbortSignal
}

type Listener = (name: NodeJS.Signals) => void
/** The part of a process that hears signals. */
type Signals = {
  on(name: 'SIGTERM' | 'SIGINT', listener: Listener): unknown
  off(name: 'SIGTERM' | 'SIGINT', listener: Listener): unknown
}

export function onStopSignals(process: Signals): Stops {
  const drain = new AbortController()
  const force = new AbortController()
  const stop = (name: NodeJS.Signals) => {
    const reason = new Error(`stopped by ${name}`)
    if (drain.signal.aborted) force.abort(reason)
    else drain.abort(reason)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  return {
    drain: drain.signal,
    force: force.signal,
    [Symbol.dispose]() {
      process.off('SIGTERM', stop)
      process.off('SIGINT', stop)
    },
  }
}

/** Resolves when the signal aborts. */
export function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** What can be brought to an end gently, or at once. */
export interface Drainable {
  drain(signal: AbortSignal): Promise<void>
  force(signal: AbortSignal): Promise<void>
}

export type Ended = 'drained' | 'forced' | 'left'

/**
 * Drains; when that takes too long, or a second signal comes, forces; when even that takes
 * too long, leaves the rest to others.
 */
export async function bringToAnEnd(
  work: Drainable,
  stops: Pick<Stops, 'force'>,
  limits: { drainMs: number; forceMs: number },
): Promise<Ended> {
  if (await within(limits.drainMs, stops.force, (signal) => work.drain(signal))) return 'drained'
  return (await within(limits.forceMs, undefined, (signal) => work.force(signal))) ? 'forced' : 'left'
}

/** Whether the work was done before the time was over or the signal aborted. */
async function within(
  ms: number,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<boolean> {
  const time = AbortSignal.timeout(ms)
  const limit = signal === undefined ? time : AbortSignal.any([time, signal])
  try {
    await work(limit)
    return true
  } catch (error) {
    if (limit.aborted) return false
    throw error
  }
}
