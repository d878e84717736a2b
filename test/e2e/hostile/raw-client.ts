import { connect, type Socket } from 'node:net'
import { followWire, type WireFrame } from '@specfleet/shared'
import * as z from 'zod'
import { readCreds } from '../../../packages/shared/src/bus/creds-file.ts'
import { keyFromSeed, signWith } from '../../../packages/shared/src/bus/nkey.ts'

const Info = z.looseObject({ nonce: z.string() })
const LATE_MS = 15_000

/** A client without manners: it sends what it is told to, byte for byte, and keeps what it hears. */
export type RawClient = AsyncDisposable & {
  /** What the server said, oldest first. */
  readonly heard: readonly WireFrame[]
  readonly closed: Promise<void>
  readonly socket: Socket
  send(bytes: string | Uint8Array): void
  /** Settles with the first frame that fits, also one heard before; fails when the connection ends without it. */
  hears(fits: (frame: WireFrame) => boolean): Promise<WireFrame>
  /** Settles when the server has dealt with all that was sent. */
  settled(): Promise<void>
}

export const isError = ({ verb }: WireFrame): boolean => verb === '-ERR'
export const publish = (subject: string, payload = '', reply = ''): string =>
  `PUB ${subject}${reply === '' ? '' : ` ${reply}`} ${Buffer.byteLength(payload)}\r\n${payload}\r\n`

/** Connects and says who it is; whether the bus believes it is heard later. */
export async function openRawClient(
  to: { readonly path: string } | { readonly host: string; readonly port: number },
  creds: string,
): Promise<RawClient> {
  const socket = connect(to)
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  socket.on('error', () => socket.destroy())
  const heard: WireFrame[] = []
  const listeners = new Set<() => void>()
  const reader = followWire({ onFrame: (frame) => heard.push(frame) })
  socket.on('data', (chunk) => {
    reader.take(chunk)
    for (const listener of listeners) listener()
  })
  const hears = (fits: (frame: WireFrame) => boolean) => {
    const { promise, resolve, reject } = Promise.withResolvers<WireFrame>()
    const look = () => {
      const frame = heard.find(fits)
      if (frame !== undefined) resolve(frame)
    }
    const told = () =>
      reject(new Error(`the bus said only ${JSON.stringify(heard.map(({ args, verb }) => [verb, args]))}`))
    const late = setTimeout(told, LATE_MS)
    listeners.add(look)
    look()
    void closed.then(() => {
      look()
      told()
    })
    return promise.finally(() => {
      clearTimeout(late)
      listeners.delete(look)
    })
  }
  let pings = 0
  const client: RawClient = {
    heard,
    closed,
    socket,
    hears,
    send: (bytes) => void socket.write(bytes),
    async settled() {
      pings += 1
      socket.write('PING\r\n')
      const sent = pings
      await hears(() => heard.filter(({ verb }) => verb === 'PONG').length >= sent)
    },
    async [Symbol.asyncDispose]() {
      socket.destroy()
      await closed
    },
  }
  const info = await hears(({ verb }) => verb === 'INFO')
  client.send(`CONNECT ${JSON.stringify(credentials(info.args, creds))}\r\n`)
  return client
}

function credentials(info: string, creds: string) {
  const { nonce } = Info.parse(JSON.parse(info))
  const { jwt, seed } = readCreds(creds)
  const sig = signWith(keyFromSeed('user', seed), nonce).toString('base64url')
  return { jwt, sig, verbose: false, pedantic: false, protocol: 1, headers: true, no_responders: true, lang: 'raw' }
}
