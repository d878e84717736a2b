import { randomInt } from 'node:crypto'

// Without characters that are easily taken for one another.
const ALPHABET = 'abcdefghjkmnpqrstuvwxyz23456789'
const LENGTH = 7

/** A new random code. */
export function newShortCode() {
  return Array.from({ length: LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('')
}

/** Whether a text can be a code at all. */
export function isShortCode(text) {
  return /^[a-z0-9]{7}$/.test(text)
}
