import { expect, test } from 'vitest'
import { workThrough } from './pool.ts'

const calm = new AbortController().signal

test('items are worked through in order, so many at a time', async () => {
  let under = 0
  let most = 0
  const done: number[] = []
  await workThrough([1, 2, 3, 4, 5], {
    jobs: 2,
    signal: calm,
    work: async (item) => {
      under += 1
      most = Math.max(most, under)
      await Promise.resolve()
      under -= 1
      return item
    },
    onDone: (item) => done.push(item) > 0,
  })
  expect(done).toEqual([1, 2, 3, 4, 5])
  expect(most).toBe(2)
})

test('once enough is known the others are told, awaited and not counted', async () => {
  const done: number[] = []
  let ended = false
  await workThrough([1, 2, 3], {
    jobs: 2,
    signal: calm,
    work: async (item, signal) => {
      if (item === 1) return item
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      ended = true
      throw signal.reason
    },
    onDone: (item) => {
      done.push(item)
      return false
    },
  })
  expect(done).toEqual([1])
  expect(ended).toBe(true)
})

test('an error ends it and is told', async () => {
  const work = async (item: number) => {
    if (item === 2) throw new Error('broken')
    return item
  }
  await expect(workThrough([1, 2, 3], { jobs: 1, signal: calm, work, onDone: () => true })).rejects.toThrow('broken')
})

test('it rejects when it is told to stop', async () => {
  const stop = new AbortController()
  const work = async (item: number) => {
    stop.abort(new Error('interrupted'))
    return item
  }
  const done: number[] = []
  await expect(
    workThrough([1, 2], { jobs: 1, signal: stop.signal, work, onDone: (item) => done.push(item) > 0 }),
  ).rejects.toThrow('interrupted')
  expect(done).toEqual([])
})
