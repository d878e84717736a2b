/** Time, injected everywhere so that decisions can be tested without waiting. */
export interface Clock {
  /** Wall-clock time, for what is written down. */
  now(): Date
  /** Milliseconds that never jump, for what is measured. */
  monotonic(): number
  /** Calls once after `ms`, unless disposed before. */
  after(ms: number, run: () => void): Disposable
}

/** The longest delay a timer of Node takes. */
const LONGEST_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => new Date(),
  monotonic: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, Math.min(Math.max(ms, 0), LONGEST_MS))
    return { [Symbol.dispose]: () => clearTimeout(timer) }
  },
}

/** Resolves after `ms`, or as soon as the signal aborts; leaves neither timer nor listener behind. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const end = () => {
      timer[Symbol.dispose]()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = clock.after(ms, end)
    signal.addEventListener('abort', end, { once: true })
  })
}

/** Calls again and again, `ms` apart, until disposed; a call that throws is the caller's fault and ends the process. */
export function every(clock: Clock, ms: number, run: () => void): Disposable {
  let timer: Disposable
  const arm = () => {
    timer = clock.after(ms, () => {
      arm()
      run()
    })
  }
  arm()
  return { [Symbol.dispose]: () => timer[Symbol.dispose]() }
}
