import { expect, test } from 'vitest'
import { withoutOwnWords } from './own-words.ts'

test('only what a worker said before its run is left out', () => {
  expect(withoutOwnWords('waiting\ntaken\nan error\n')).toBe('an error\n')
  expect(withoutOwnWords('waiting\ntaken\nwaiting\ntaken\n')).toBe('waiting\ntaken\n')
  expect(withoutOwnWords('waiting\n')).toBe('')
  expect(withoutOwnWords('line 40\nwaiting\ntaken\n')).toBe('line 40\nwaiting\ntaken\n')
  expect(withoutOwnWords('')).toBe('')
})
