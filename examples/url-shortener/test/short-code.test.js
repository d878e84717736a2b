import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isShortCode, newShortCode } from '../src/short-code.js'

test('every new code is a code, and no two are alike', () => {
  const codes = Array.from({ length: 1_000 }, newShortCode)
  assert.ok(codes.every(isShortCode))
  assert.equal(new Set(codes).size, codes.length)
})

test('other texts are no codes', () => {
  for (const text of ['', 'short', 'UPPERCA', 'toolongcode', 'has spc']) assert.equal(isShortCode(text), false, text)
})
