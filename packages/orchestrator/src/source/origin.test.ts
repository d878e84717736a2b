import { SourceRef, SpecfleetError } from '@specfleet/shared'
import { expect, test } from 'vitest'
import { originOf } from './origin.ts'

const codeOf = (git: string): string => {
  try {
    return originOf({ git }).kind
  } catch (error) {
    if (error instanceof SpecfleetError)
      return `${error.code}${error.message.includes('secret') ? ', and it tells' : ''}`
    throw error
  }
}

test.each([
  ['/srv/shop', 'local'],
  ['file:///srv/shop', 'local'],
  ['https://forge.example/shop.git', 'remote'],
  ['https://forge.example/@scope/shop.git', 'remote'],
  ['https://forge.example:8443/shop.git', 'remote'],
  ['ssh://git@forge.example/shop.git', 'remote'],
  ['git@forge.example:shop.git', 'remote'],
  ['shop', 'source.not-found'],
  ['file://elsewhere/srv/shop', 'source.not-found'],
  ['https://ada:secret@forge.example/shop.git', 'source.has-password'],
  ['https://secret@forge.example/shop.git', 'source.has-password'],
  ['ssh://git:secret@forge.example/shop.git', 'source.has-password'],
])('%s is %s', (git, expected) => expect(codeOf(git)).toBe(expected))

test('what cannot be said on a command line is no source', () => {
  expect(SourceRef.safeParse({ git: '/srv/shop', ref: 'main' }).success).toBe(true)
  expect(SourceRef.safeParse({ git: '/srv/\0shop' }).success).toBe(false)
  expect(SourceRef.safeParse({ git: '/srv/shop', ref: 'ma\0in' }).success).toBe(false)
})
