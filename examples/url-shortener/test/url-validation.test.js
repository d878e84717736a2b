import assert from 'node:assert/strict'
import { test } from 'node:test'
import { validateUrl } from '../src/url-validation.js'

test('an absolute address is returned in its normal form', () => {
  assert.equal(validateUrl('https://Example.com'), 'https://example.com/')
})

test('what is no web address is refused with the field and the reason', () => {
  const refused = [undefined, 42, '', '/relative', 'ftp://example.com', 'javascript:alert(1)']
  for (const value of refused) assert.throws(() => validateUrl(value), { status: 400, field: 'url' })
})

test('an address of 2048 characters is the longest', () => {
  const base = 'https://example.com/'
  assert.equal(validateUrl(base.padEnd(2048, 'a')).length, 2048)
  assert.throws(() => validateUrl(base.padEnd(2049, 'a')), /longer than 2048/)
})
