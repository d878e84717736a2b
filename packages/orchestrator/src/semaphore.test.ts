import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Semaphore } from './semaphore.ts'

test('never lets more through than it has permits, and each in the order they came', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 0, max: 12 }), async (permits, callers) => {
      const semaphore = new Semaphore(permits)
      const order: number[] = []
      let inside = 0
      let most = 0
      await Promise.all(
        Array.from({ length: callers }, (_, nth) =>
          semaphore.run(async () => {
            order.push(nth)
            inside += 1
            most = Math.max(most, inside)
            await Promise.resolve()
            inside -= 1
          }),
        ),
      )
      expect(order).toEqual(Array.from({ length: callers }, (_, nth) => nth))
      expect(most).toBe(Math.min(permits, callers))
    }),
  )
})

test('who does not want to wait any more takes no turn from those behind', async () => {
  const semaphore = new Semaphore(1)
  const held = await semaphore.acquire()
  const leaving = new AbortController()
  const impatient = semaphore.acquire(leaving.signal)
  const patient = semaphore.acquire()
  leaving.abort(new Error('enough'))
  await expect(impatient).rejects.toThrow('enough')
  held[Symbol.dispose]()
  const permit = await patient
  permit[Symbol.dispose]()
  // Given back once, however often it is disposed of: else two would get through now.
  permit[Symbol.dispose]()
  await semaphore.acquire()
  const third = semaphore.acquire(AbortSignal.abort(new Error('no turn')))
  await expect(third).rejects.toThrow('no turn')
})
