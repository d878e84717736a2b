import { describe, expect, it } from 'vitest'
import { interleave } from './interleave.ts'

const { signal } = new AbortController()

describe('interleave', () => {
  it('lets each contender follow each other one, and does not count the warm-up', async () => {
    const order: string[] = []
    let count = 0
    const contender = (name: string) => async () => {
      order.push(name)
      return count++
    }
    const measured = await interleave({ a: contender('a'), b: contender('b') }, { rounds: 3, warmUps: 1, signal })
    expect(order.join('')).toBe('baabbaab')
    expect(measured.a).toMatchObject({ count: 3, min: 2, max: 6 })
    expect(measured.b).toMatchObject({ count: 3, min: 3, max: 7 })
  })

  it('fails as its contender fails', async () => {
    const broken = async (): Promise<number> => Promise.reject(new Error('the engine is gone'))
    await expect(interleave({ broken }, { rounds: 1, signal })).rejects.toThrow('the engine is gone')
  })

  it('stops between two measurements when it is told to', async () => {
    const stop = new AbortController()
    let count = 0
    const measured = interleave(
      {
        a: async () => {
          count++
          stop.abort(new Error('enough'))
          return 1
        },
      },
      { rounds: 10, signal: stop.signal },
    )
    await expect(measured).rejects.toThrow('enough')
    expect(count).toBe(1)
  })
})
