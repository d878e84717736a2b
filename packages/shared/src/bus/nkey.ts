import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto'
import { promisify } from 'node:util'
import { SpecfleetError } from '../contract/errors.ts'

/**
 * NATS keys: Ed25519, written as base32 of prefix, 32 bytes and a CRC-16. Made with
 * node:crypto, which is about a thousand times faster than the client's own signer.
 */
export type KeyRole = 'operator' | 'account' | 'user'

/** Prefix bytes: the first letter of the text is O, A or U; that of a seed is S and then the role's. */
const PREFIX = { operator: 14 << 3, account: 0, user: 20 << 3 } as const
const SEED_PREFIX = 18 << 3
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
/** DER in front of the 32 raw bytes of a private (PKCS #8) and of a public (SPKI) Ed25519 key. */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex')
const SPKI = Buffer.from('302a300506032b6570032100', 'hex')
const RAW_BYTES = 32

export type NKey = {
  /** `O…`, `A…` or `U…`. */
  readonly publicKey: string
  readonly privateKey: KeyObject
}

export function encodeBase32(bytes: Uint8Array): string {
  let text = ''
  let buffer = 0
  let bits = 0
  for (const byte of bytes) {
    buffer = (buffer << 8) | byte
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text += ALPHABET.charAt((buffer >>> bits) & 31)
    }
    buffer &= (1 << bits) - 1
  }
  return bits === 0 ? text : text + ALPHABET.charAt((buffer << (5 - bits)) & 31)
}

/** `undefined` when a character is none of the alphabet. */
export function decodeBase32(text: string): Buffer | undefined {
  const bytes: number[] = []
  let buffer = 0
  let bits = 0
  for (const character of text) {
    const value = ALPHABET.indexOf(character)
    if (value < 0) return undefined
    buffer = (buffer << 5) | value
    bits += 5
    if (bits >= 8) {
      bits -= 8
      bytes.push((buffer >>> bits) & 255)
      buffer &= (1 << bits) - 1
    }
  }
  return Buffer.from(bytes)
}

/** CRC-16 of XMODEM (polynomial 0x1021). */
export function crc16(bytes: Uint8Array): number {
  let crc = 0
  for (const byte of bytes) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit += 1) crc = ((crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021) & 0xffff
  }
  return crc
}

function withChecksum(bytes: Uint8Array): string {
  const whole = Buffer.alloc(bytes.length + 2)
  whole.set(bytes)
  whole.writeUInt16LE(crc16(bytes), bytes.length)
  return encodeBase32(whole)
}

/** The bytes without their checksum; `undefined` when it does not match. */
function checked(text: string): Buffer | undefined {
  const whole = decodeBase32(text)
  if (whole === undefined || whole.length < 3) return undefined
  const bytes = whole.subarray(0, -2)
  return whole.readUInt16LE(bytes.length) === crc16(bytes) ? bytes : undefined
}

const encodePublicKey = (role: KeyRole, raw: Uint8Array): string => withChecksum(Buffer.from([PREFIX[role], ...raw]))

export function encodeSeed(role: KeyRole, raw: Uint8Array): string {
  const prefix = PREFIX[role]
  return withChecksum(Buffer.from([SEED_PREFIX | (prefix >> 5), (prefix & 31) << 3, ...raw]))
}

export function isPublicKey(role: KeyRole, text: string): boolean {
  const bytes = checked(text)
  return bytes !== undefined && bytes.length === 1 + RAW_BYTES && bytes[0] === PREFIX[role]
}

const rawPublic = (key: KeyObject): Buffer =>
  createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(SPKI.length)
const rawPrivate = (key: KeyObject): Buffer => key.export({ format: 'der', type: 'pkcs8' }).subarray(PKCS8.length)

const fromPrivate = (role: KeyRole, privateKey: KeyObject): NKey => ({
  publicKey: encodePublicKey(role, rawPublic(privateKey)),
  privateKey,
})

const fromRaw = (role: KeyRole, raw: Uint8Array): NKey =>
  fromPrivate(role, createPrivateKey({ key: Buffer.concat([PKCS8, raw]), format: 'der', type: 'pkcs8' }))

/** @throws SpecfleetError `config.invalid` when the text is no seed of that role. */
export function keyFromSeed(role: KeyRole, seed: string): NKey {
  const bytes = checked(seed.trim())
  const [first = 0, second = 0] = bytes ?? []
  const prefix = ((first & 7) << 5) | (second >> 3)
  if (
    bytes === undefined ||
    bytes.length !== 2 + RAW_BYTES ||
    (first & 248) !== SEED_PREFIX ||
    prefix !== PREFIX[role]
  ) {
    throw new SpecfleetError('config.invalid', `the text is no NATS seed of the role ${role}`)
  }
  return fromRaw(role, bytes.subarray(2))
}

export const seedOf = (role: KeyRole, key: NKey): string => encodeSeed(role, rawPrivate(key.privateKey))

export const generateKeySync = (role: KeyRole): NKey => fromPrivate(role, generateKeyPairSync('ed25519').privateKey)

const generatePair = promisify(generateKeyPair)
/** Made on the thread pool, so nothing else waits for it. */
export async function generateKey(role: KeyRole): Promise<NKey> {
  const pair = await generatePair('ed25519')
  return fromPrivate(role, pair.privateKey)
}

/** A key that whoever holds `from` can make again: nobody has to keep it. */
export function deriveKey(role: KeyRole, from: NKey, purpose: string): NKey {
  return fromRaw(role, new Uint8Array(hkdfSync('sha256', rawPrivate(from.privateKey), '', purpose, RAW_BYTES)))
}

export const signWith = (key: NKey, data: Uint8Array | string): Buffer => sign(null, Buffer.from(data), key.privateKey)

/** Whether `publicKey` made the signature; false for anything malformed. */
export function verifySignature(publicKey: string, data: Uint8Array | string, signature: Uint8Array): boolean {
  const bytes = checked(publicKey)
  if (bytes === undefined || bytes.length !== 1 + RAW_BYTES) return false
  const key = createPublicKey({ key: Buffer.concat([SPKI, bytes.subarray(1)]), format: 'der', type: 'spki' })
  return verify(null, Buffer.from(data), key, signature)
}

/** Digest NATS tools use for a claim's id. */
export const claimDigest = (text: string): string => encodeBase32(createHash('sha512-256').update(text).digest())
