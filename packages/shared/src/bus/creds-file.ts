import { SpecfleetError } from '../contract/errors.ts'

/** The text format every NATS client reads: a user JWT and the seed that proves it. */
export function writeCreds(jwt: string, seed: string): string {
  return [
    '-----BEGIN NATS USER JWT-----',
    jwt,
    '------END NATS USER JWT------',
    '',
    '-----BEGIN USER NKEY SEED-----',
    seed,
    '------END USER NKEY SEED------',
    '',
  ].join('\n')
}

const BLOCK = /-{3,}BEGIN ([A-Z ]+)-{3,}\s+([A-Za-z0-9._-]+)\s+-{3,}END/g

/** @throws SpecfleetError `bus.refused` when one of the two parts is missing. Never repeats the text. */
export function readCreds(text: string): { jwt: string; seed: string } {
  const blocks = new Map([...text.matchAll(BLOCK)].map(([, title = '', content = '']) => [title, content]))
  const jwt = blocks.get('NATS USER JWT')
  const seed = blocks.get('USER NKEY SEED')
  if (jwt === undefined || seed === undefined) {
    throw new SpecfleetError('bus.refused', 'the credentials hold no user JWT with its seed')
  }
  return { jwt, seed }
}
