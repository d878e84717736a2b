import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { bringToAnEnd, type Drainable, onStopSignals, whenAborted } from './lifecycle.ts'

test('the first signal drains, the second forces, and nobody listens afterwards', () => {
  const process = new EventEmitter()
  const stops = onStopSignals(process)
  process.emit('SIGINT', 'SIGINT')
  expect([stops.drain.aborted, stops.force.aborted]).toEqual([true, false])
  process.emit('SIGTERM', 'SIGTERM')
  expect(stops.force.aborted).toBe(true)
  stops[Symbol.dispose]()
  expect(process.eventNames()).toEqual([])
})

/** Never ends by itself. */
const stuck = async (signal: AbortSignal) => {
  await whenAborted(signal)
  throw signal.reason
}
const at = async (): Promise<void> => undefined
const never = { force: new AbortController().signal }
const limits = { drainMs: 20, forceMs: 20 }

test.each<[string, Drainable, string]>([
  ['what drains is drained', { drain: at, force: stuck }, 'drained'],
  ['what takes too long is forced', { drain: stuck, force: at }, 'forced'],
  ['what cannot even be forced is left', { drain: stuck, force: stuck }, 'left'],
])('%s', async (_name, work, end) => expect(await bringToAnEnd(work, never, limits)).toBe(end))

test('the second signal does not wait for the time to be over', async () => {
  const force = AbortSignal.abort(new Error('twice'))
  const work = { drain: stuck, force: at }
  expect(await bringToAnEnd(work, { force }, { drainMs: 1_000_000, forceMs: 20 })).toBe('forced')
})

test('what fails while it drains is no end in peace', async () => {
  const work = { drain: () => Promise.reject(new Error('broken')), force: at }
  await expect(bringToAnEnd(work, never, limits)).rejects.toThrow('broken')
})
