import { nkeys } from '@nats-io/nats-core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  crc16,
  decodeBase32,
  deriveKey,
  encodeBase32,
  encodeSeed,
  generateKey,
  generateKeySync,
  isPublicKey,
  type KeyRole,
  keyFromSeed,
  seedOf,
  signWith,
  verifySignature,
} from './nkey.ts'

const seedBytes = fc.uint8Array({ minLength: 32, maxLength: 32 })
const role = fc.constantFrom<KeyRole>('operator', 'account', 'user')
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)

test('base32 reads back what it wrote, at any length', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
      expect(decodeBase32(encodeBase32(bytes))).toEqual(Buffer.from(bytes))
    }),
  )
  expect(decodeBase32('a1')).toBeUndefined()
})

test('the checksum is the CRC-16 of XMODEM', () => {
  expect(crc16(ascii('123456789'))).toBe(0x31c3)
})

test('keys and signatures are those of the official library', () => {
  fc.assert(
    fc.property(seedBytes, role, fc.uint8Array({ maxLength: 64 }), (bytes, of, message) => {
      const seed = encodeSeed(of, bytes)
      const theirs = nkeys.fromSeed(ascii(seed))
      const ours = keyFromSeed(of, seed)
      expect(ours.publicKey).toBe(theirs.getPublicKey())
      expect(seedOf(of, ours)).toBe(seed)
      expect(new Uint8Array(signWith(ours, message))).toEqual(theirs.sign(message))
      expect(verifySignature(ours.publicKey, message, theirs.sign(message))).toBe(true)
    }),
    { numRuns: 15 },
  )
})

test('a seed of another role, a damaged one and a public key are refused without being repeated', () => {
  const key = generateKeySync('account')
  const seed = seedOf('account', key)
  const damaged = `${seed.slice(0, 20)}${seed[20] === 'A' ? 'B' : 'A'}${seed.slice(21)}`
  for (const text of [damaged, key.publicKey, 'SU', '']) {
    expect(() => keyFromSeed('account', text)).toThrow('no NATS seed')
    expect(() => keyFromSeed('account', text)).not.toThrow(seed)
  }
  expect(() => keyFromSeed('user', seed)).toThrow('no NATS seed of the role user')
})

test('public keys are told apart by role and checked', async () => {
  const user = await generateKey('user')
  expect(user.publicKey).toMatch(/^U[A-Z2-7]{55}$/)
  expect(isPublicKey('user', user.publicKey)).toBe(true)
  expect(isPublicKey('account', user.publicKey)).toBe(false)
  expect(isPublicKey('user', `${user.publicKey.slice(0, -1)}=`)).toBe(false)
})

test('a signature counts for its key and its message alone', () => {
  const [one, other] = [generateKeySync('user'), generateKeySync('user')]
  const signature = signWith(one, 'message')
  expect(verifySignature(one.publicKey, 'message', signature)).toBe(true)
  expect(verifySignature(one.publicKey, 'massage', signature)).toBe(false)
  expect(verifySignature(other.publicKey, 'message', signature)).toBe(false)
  expect(verifySignature('no key', 'message', signature)).toBe(false)
})

test('a derived key is the same each time and another for another purpose', () => {
  const operator = generateKeySync('operator')
  const derived = deriveKey('account', operator, 'one')
  expect(derived.publicKey).toMatch(/^A/)
  expect(deriveKey('account', operator, 'one').publicKey).toBe(derived.publicKey)
  expect(deriveKey('account', operator, 'two').publicKey).not.toBe(derived.publicKey)
  expect(deriveKey('account', generateKeySync('operator'), 'one').publicKey).not.toBe(derived.publicKey)
})
