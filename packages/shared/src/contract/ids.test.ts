import { decodeTime } from 'ulid'
import { describe, expect, it } from 'vitest'
import { ID_PATTERN, newId } from './ids.ts'

describe('new ids', () => {
  const made = Array.from({ length: 20_000 }, newId)

  it('are ids, and none is made twice', () => {
    expect(made.every((id) => ID_PATTERN.test(id) && id.length === 26)).toBe(true)
    expect(new Set(made).size).toBe(made.length)
  })

  it('say when they were made', () => {
    const times = made.map(decodeTime)
    expect(times).toEqual(times.toSorted((one, other) => one - other))
    expect(Math.abs(Date.now() - (times.at(-1) ?? 0))).toBeLessThan(60_000)
  })

  it('use every letter of their alphabet in every place that is random', () => {
    for (let place = 10; place < 26; place++) expect(new Set(made.map((id) => id[place])).size).toBe(32)
  })
})
