import type { Heard } from '../world/chronicle.ts'

/** From the fence of each first epoch to its `run.ready`, in milliseconds. */
export function coldStartsOf(log: readonly Heard[]): number[] {
  const first = log.filter(({ fact }) => fact?.epoch === 1)
  return first
    .filter(({ fact }) => fact?.type === 'run.fenced')
    .flatMap((fence) => {
      const ready = first.find(({ fact }) => fact?.type === 'run.ready' && fact.runId === fence.fact?.runId)
      return ready === undefined ? [] : [ready.at - fence.at]
    })
}
