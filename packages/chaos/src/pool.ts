/**
 * Works through items, so many at a time and in their order. `onDone` may end it: what is under way then is aborted
 * by the signal it was given, and awaited. Rejects with the first error that is not the abortion's own.
 */
export async function workThrough<T, R>(
  items: readonly T[],
  options: {
    readonly jobs: number
    readonly signal: AbortSignal
    readonly work: (item: T, signal: AbortSignal) => Promise<R>
    /** Whether to go on. */
    readonly onDone: (result: R) => boolean
  },
): Promise<void> {
  const { jobs, work, onDone } = options
  const end = new AbortController()
  const signal = AbortSignal.any([options.signal, end.signal])
  const left = items[Symbol.iterator]()
  const failures: unknown[] = []
  const worker = async () => {
    for (const item of left) {
      if (signal.aborted) return
      try {
        const result = await work(item, signal)
        if (!signal.aborted && !onDone(result)) end.abort(new Error('enough is known'))
      } catch (error) {
        if (!signal.aborted) failures.push(error)
        end.abort(error)
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(jobs, items.length) }, worker))
  options.signal.throwIfAborted()
  if (failures.length > 0) throw failures[0]
}
