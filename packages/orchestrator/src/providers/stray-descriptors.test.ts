import { expect, it } from 'vitest'
import { isInherited } from './stray-descriptors.ts'

it('knows which descriptors go on into children', () => {
  expect(isInherited('pos:\t0\nflags:\t0100000\nmnt_id:\t1\n')).toBe(true)
  expect(isInherited('pos:\t0\nflags:\t02100000\nmnt_id:\t1\n')).toBe(false)
  expect(isInherited('')).toBe(false)
})
