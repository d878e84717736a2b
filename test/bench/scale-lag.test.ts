import { SpecId } from '@specfleet/shared'
import { expect, it } from 'vitest'
import { viewLags } from './scale-lag.ts'

const [one, two] = [SpecId.parse('one'), SpecId.parse('two')]

it('is the time to the first view of that very spec that includes the fact', () => {
  const views = [
    { specId: one, foldedTo: 4, at: 90 },
    { specId: two, foldedTo: 9, at: 110 },
    { specId: one, foldedTo: 7, at: 140 },
    { specId: one, foldedTo: 8, at: 500 },
  ]
  expect(viewLags([{ specId: one, seq: 5, at: 100 }], views)).toEqual([40])
  expect(viewLags([{ specId: one, seq: 8, at: 100 }], views)).toEqual([400])
})

it('is nothing when the view was there before the worker heard, and endless when none came', () => {
  const views = [{ specId: one, foldedTo: 5, at: 90 }]
  expect(viewLags([{ specId: one, seq: 5, at: 100 }], views)).toEqual([0])
  expect(viewLags([{ specId: one, seq: 6, at: 100 }], views)).toEqual([Number.POSITIVE_INFINITY])
  expect(viewLags([{ specId: two, seq: 5, at: 100 }], views)).toEqual([Number.POSITIVE_INFINITY])
})
