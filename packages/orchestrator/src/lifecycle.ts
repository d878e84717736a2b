/** What a process does when it is told to stop: the first signal drains, the second forces. */
export type Stops = Disposable & {
  /** Aborts at the first signal: take nothing new, let work come to a good end. */
  readonly drain: AbortSignal
  /** Aborts at the second: end now; what is left is found again by others. */
  readonly force: AbortSignal
}

type Signals = Pick<NodeJS.Process, 'on' | 'off'>

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
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/**
 * Starts parts in order and stops them in reverse. When one fails to start, those before it
 * are stopped and its error is thrown.
 */
export async function startInOrder<T>(
  build: (parts: AsyncDisposableStack) => Promise<T>,
): Promise<T & AsyncDisposable> {
  await using parts = new AsyncDisposableStack()
  const built = await build(parts)
  const started = parts.move()
  return Object.assign({}, built, { [Symbol.asyncDispose]: () => started.disposeAsync() })
}
