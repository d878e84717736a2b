import { createHash } from 'node:crypto'
import { SpecfleetError, WireError } from '../contract/errors.ts'
import { STREAMS, subjects } from '../contract/subjects.ts'
import type { Bus } from './connection.ts'
import { lastSequence } from './jetstream-api.ts'
import { parseJson } from './json.ts'
import { PART_HEADER, PartCollector, partHeader, splitParts } from './parts.ts'
import { store } from './publish.ts'
import type { StreamMessage } from './pull-session.ts'
import { readStream } from './stream-reader.ts'

/** A message from a queue; `seq`: its place there. */
type Buried = { seq: number; subject: string; data: Uint8Array; headers: Record<string, string> }

export type DeadLetter = {
  seq: number
  at: Date
  /** Why, as a subject token. */
  reason: string
  /** Where it had been sent. */
  subject: string
  error: WireError
  data: Uint8Array
}

/**
 * Keeps a message that could not be accepted, whole, with its reason. Resolves when it is stored: once, also when
 * the message comes again because whoever buried it died before acknowledging it.
 */
export async function buryMessage(bus: Bus, reason: string, message: Buried, error: WireError): Promise<void> {
  const token = reason.replace(/[^A-Za-z0-9_-]+/g, '-') || 'unknown'
  const headers = { ...original(message.headers), [SUBJECT]: oneLine(message.subject), [ERROR]: encodeError(error) }
  const set = letterId(message)
  const parts = splitParts(message.data, bus.maxPayload - MOST_HEADERS * MOST_HEADER_CHARACTERS)
  for (const [index, part] of parts.entries()) {
    const number = parts.length === 1 ? {} : { [PART_HEADER]: partHeader(set, index + 1, parts.length) }
    await store(bus, subjects.dead(token), part, {
      id: `${set}-${index + 1}`,
      headers: { ...headers, ...number },
      limitMs: STORE_MS,
    })
  }
}

const SUBJECT = 'Sf-Subject'
const ERROR = 'Sf-Error'
/** Headers of the dead message are kept under this prefix, so that none of them acts again. */
const ORIGINAL = 'Sf-Original-'
const MOST_HEADERS = 32
const MOST_HEADER_CHARACTERS = 1024
const STORE_MS = 30_000

const letterId = ({ seq, subject, data }: Buried): string =>
  createHash('sha256').update(`${seq} ${subject} `).update(data).digest('hex').slice(0, 32)

const oneLine = (text: string): string => text.replace(/[\r\n]+/g, ' ').slice(0, MOST_HEADER_CHARACTERS)
const encodeError = (error: WireError): string => Buffer.from(JSON.stringify(error), 'utf8').toString('base64')
const original = (headers: Record<string, string>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers)
      .slice(0, MOST_HEADERS)
      .map(([name, value]) => [`${ORIGINAL}${name}`, oneLine(value)]),
  )

/** The newest dead letters, newest first. */
export async function listDead(bus: Bus, options: { limit: number }): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = []
  const last = await lastSequence(bus, STREAMS.dead)
  const { signal } = new AbortController()
  const parts = new PartCollector()
  // A letter has few parts, and sequences have holes only where letters grew too old.
  const from = { seq: Math.max(1, last - 2 * options.limit) }
  for await (const { messages, caughtUp } of readStream(bus, { stream: STREAMS.dead, from, signal })) {
    for (const message of messages) {
      const data = parts.add(message.subject, message.headers()[PART_HEADER], message.data)
      if (data !== undefined) letters.push(toLetter({ ...message, data }))
    }
    if (caughtUp) break
  }
  return letters.reverse().slice(0, options.limit)
}

function toLetter({ seq, at, subject, data, headers }: StreamMessage): DeadLetter {
  const all = headers()
  const json = parseJson(Buffer.from(all[ERROR] ?? '', 'base64'))
  const error = WireError.safeParse(json)
  return {
    seq,
    at,
    reason: subject.split('.').slice(2).join('.'),
    subject: all[SUBJECT] ?? '',
    error: error.success ? error.data : new SpecfleetError('internal', 'the letter has no readable reason').toWire(),
    data,
  }
}
