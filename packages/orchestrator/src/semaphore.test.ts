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

test('who comes last in any case waits until nobody is inside and nobody else waits', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 0, max: 12 }), async (permits, callers) => {
      const semaphore = new Semaphore(permits)
      let inside = 0
      const others = Array.from({ length: callers }, () =>
        semaphore.run(async () => {
          inside += 1
          await Promise.resolve()
          inside -= 1
        }),
      )
      const last = semaphore.acquireLast().then((permit) => {
        expect(inside).toBe(0)
        permit[Symbol.dispose]()
      })
      const later = Array.from({ length: callers }, () => semaphore.run(async () => {}))
      await Promise.all([last, ...others, ...later])
      // Nothing was lost on the way: all permits are there.
      using _all = new DisposableStack()
      for (let nth = 0; nth < permits; nth++) _all.use(await semaphore.acquire())
    }),
  )
})

test('of those that come last each takes its turn alone, and one that leaves is forgotten', async () => {
  const semaphore = new Semaphore(2)
  const held = await semaphore.acquire()
  const leaving = new AbortController()
  const impatient = semaphore.acquireLast(leaving.signal)
  const [one, other] = [semaphore.acquireLast(), semaphore.acquireLast()]
  leaving.abort(new Error('enough'))
  await expect(impatient).rejects.toThrow('enough')
  held[Symbol.dispose]()
  const first = await one
  let isSecond = false
  const second = other.then((permit) => {
    isSecond = true
    return permit
  })
  // A permit is free, and still it is not its turn.
  const beside = await semaphore.acquire()
  beside[Symbol.dispose]()
  expect(isSecond).toBe(false)
  first[Symbol.dispose]()
  const permit = await second
  permit[Symbol.dispose]()
})
