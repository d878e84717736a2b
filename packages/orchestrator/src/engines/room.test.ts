import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { freePlaces, Room, suits, type Wish } from './room.ts'

const docker = { engine: 'docker:here', provider: 'docker', images: true, free: 1 }
const processes = { engine: 'process:here', provider: 'process', images: false, free: 2 }
const ANY: Wish = { provider: undefined, image: false }

describe('room', () => {
  test('is given in overflow order', () => {
    const room = new Room([docker, processes])
    expect([1, 2, 3, 4].map(() => room.take(ANY))).toEqual([
      docker.engine,
      processes.engine,
      processes.engine,
      undefined,
    ])
  })

  test('is given to who chooses only where they may be', () => {
    const room = new Room([docker, processes])
    expect(room.take({ provider: 'process', image: false })).toBe(processes.engine)
    expect(room.take({ provider: undefined, image: true })).toBe(docker.engine)
    expect(room.take({ provider: undefined, image: true })).toBeUndefined()
    expect(room.take({ provider: 'daytona', image: false })).toBeUndefined()
    expect(room.has(ANY)).toBe(true)
  })
})

test('a sick engine has one place, and only while nobody is trying', () => {
  expect(freePlaces(4, 'all', { held: 1, pending: 1 })).toBe(3)
  expect(freePlaces(4, 'one', { held: 1, pending: 0 })).toBe(1)
  expect(freePlaces(4, 'one', { held: 2, pending: 1 })).toBe(0)
  expect(freePlaces(4, 'none', { held: 0, pending: 0 })).toBe(0)
  expect(freePlaces(1, 'all', { held: 3, pending: 0 })).toBe(0)
})

test('no engine is given more than it has, and nobody what they may not have', () => {
  const engine = fc.record({
    engine: fc.uuid(),
    provider: fc.constantFrom('docker', 'process', 'scripted'),
    images: fc.boolean(),
    free: fc.nat(4),
  })
  const wish = fc.record({
    provider: fc.option(fc.constantFrom('docker', 'process', 'scripted'), { nil: undefined }),
    image: fc.boolean(),
  })
  const engines = fc.uniqueArray(engine, { maxLength: 4, selector: (one) => one.engine })
  fc.assert(
    fc.property(engines, fc.array(wish, { maxLength: 20 }), (all, wishes) => {
      const room = new Room(all)
      const given = new Map<string, number>()
      for (const each of wishes) {
        const left = all.filter((one) => suits(one, each) && (given.get(one.engine) ?? 0) < one.free)
        expect(room.has(each)).toBe(left.length > 0)
        const taken = room.take(each)
        expect(taken).toBe(left[0]?.engine)
        if (taken !== undefined) given.set(taken, (given.get(taken) ?? 0) + 1)
      }
    }),
  )
})
