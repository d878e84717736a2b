import { describe, expect, it } from 'vitest'
import { interleave } from './interleave.ts'

describe('interleave', () => {
  it('lets each contender follow each other one, and does not count the warm-up', async () => {
    const order: string[] = []
    let count = 0
    const contender = (name: string) => async () => {
      order.push(name)
      return count++
    }
    const measured = await interleave({ a: contender('a'), b: contender('b') }, { rounds: 3, warmUps: 1 })
    expect(order.join('')).toBe('baabbaab')
    expect(measured.a).toMatchObject({ count: 3, min: 2, max: 6 })
    expect(measured.b).toMatchObject({ count: 3, min: 3, max: 7 })
  })

  it('fails as its contender fails', async () => {
    const broken = async (): Promise<number> => Promise.reject(new Error('the engine is gone'))
    await expect(interleave({ broken }, { rounds: 1 })).rejects.toThrow('the engine is gone')
  })
})
