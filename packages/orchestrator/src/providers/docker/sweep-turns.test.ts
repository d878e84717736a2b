import fc from 'fast-check'
import { expect, it } from 'vitest'
import { SweepTurns } from './sweep-turns.ts'

type Step = 'take' | 'finish' | 'start' | 'started'
const steps = fc.array(fc.constantFrom<Step>('take', 'finish', 'start', 'started'), { maxLength: 60 })

it('lets four work at once, begins none beside another while a sandbox is being started, and keeps their order', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (chosen) => {
      const turns = new SweepTurns()
      const starts: Disposable[] = []
      const begun: number[] = []
      const ends: (() => void)[] = []
      const taken: Promise<void>[] = []
      let atWork = 0
      const take = (n: number) =>
        turns.take(async () => {
          begun.push(n)
          atWork += 1
          expect(atWork).toBeLessThanOrEqual(starts.length > 0 ? 1 : 4)
          await new Promise<void>((resolve) => ends.push(resolve))
          atWork -= 1
        })
      for (const step of chosen) {
        if (step === 'take') taken.push(take(taken.length))
        else if (step === 'start') starts.push(turns.start())
        else if (step === 'started') starts.pop()?.[Symbol.dispose]()
        else ends.shift()?.()
        await new Promise(setImmediate)
      }
      // Nobody waits while there is room.
      expect(begun.length === taken.length || atWork >= (starts.length > 0 ? 1 : 4)).toBe(true)
      expect(begun).toEqual(taken.map((_, n) => n).slice(0, begun.length))
      turns[Symbol.dispose]()
      for (const end of ends) end()
      await Promise.all(taken)
      // What had not begun when all was over is not done.
      expect(begun.length).toBeLessThanOrEqual(taken.length)
    }),
  )
})
