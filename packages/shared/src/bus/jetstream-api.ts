import * as z from 'zod'
import { describeIssues, SpecfleetError } from '../contract/errors.ts'
import type { Bus } from './connection.ts'
import { natsBus } from './nats-bus.ts'
import { retrying } from './retry.ts'

/** What JetStream refuses, as a value: `errCode` is the server's own catalogue, `code` is like HTTP's. */
export type ApiFault = { code: number; errCode: number; description: string }
export type ApiResult<T> = { ok: true; value: T } | { ok: false; fault: ApiFault }

/** The server's error codes that are decided upon here. */
export const FAULT = {
  noMessage: 10037,
  noJetStream: 10039,
  noConsumer: 10014,
  noStream: 10059,
  streamNameInUse: 10058,
  storeFailed: 10077,
  wrongLastSequence: [10071, 10164],
  tooLarge: 10054,
} as const

const Failure = z.object({
  error: z.object({ code: z.number(), err_code: z.number().default(0), description: z.string().default('') }),
})

/** Reads an answer of JetStream: a fault, or a value of the schema. */
export function readApiAnswer<T>(data: Uint8Array, schema: z.ZodType<T>, what: string): ApiResult<T> {
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder().decode(data))
  } catch (cause) {
    throw new SpecfleetError('internal', `JetStream answered ${what} with no JSON`, { cause })
  }
  const failure = Failure.safeParse(json)
  if (failure.success) {
    const { code, err_code, description } = failure.data.error
    return { ok: false, fault: { code, errCode: err_code, description } }
  }
  const value = schema.safeParse(json)
  if (!value.success) {
    throw new SpecfleetError('internal', `JetStream answered ${what} with ${describeIssues(value.error)}`)
  }
  return { ok: true, value: value.data }
}

export type ApiOptions = { signal?: AbortSignal; limitMs?: number }
const ANSWER_MS = 5_000
const RETRY_MS = 15_000

/**
 * One request to the JetStream API. It is sent again while the server is away, up to
 * `limitMs`, so only what may be repeated goes this way.
 * @throws SpecfleetError `bus.unreachable`, `bus.timeout`; rejects with the signal's reason.
 */
export function jetStreamApi<T>(
  bus: Bus,
  operation: string,
  body: unknown,
  schema: z.ZodType<T>,
  options: ApiOptions = {},
): Promise<ApiResult<T>> {
  const subject = `$JS.API.${operation}`
  const payload = body === undefined ? '' : JSON.stringify(body)
  const { signal } = options
  return retrying(natsBus(bus), { limitMs: options.limitMs ?? RETRY_MS, ...(signal && { signal }) }, async () => {
    const reply = await bus.request(subject, payload, { timeoutMs: ANSWER_MS, ...(signal && { signal }) })
    const result = readApiAnswer(reply.data, schema, operation)
    if (!result.ok && result.fault.code === 503 && result.fault.errCode !== FAULT.noJetStream) {
      throw new SpecfleetError('bus.unreachable', `${operation}: ${result.fault.description}`)
    }
    return result
  })
}

/** A fault nobody expected. */
export const unexpected = (what: string, fault: ApiFault): SpecfleetError =>
  new SpecfleetError('internal', `${what}: ${fault.description} (${fault.errCode})`)

/** The value, where no refusal is expected. */
export function expectOk<T>(what: string, result: ApiResult<T>): T {
  if (result.ok) return result.value
  throw unexpected(what, result.fault)
}

const StreamState = z.object({
  state: z.object({ messages: z.number(), last_seq: z.number() }),
})
const Success = z.looseObject({ success: z.literal(true) })

/** Removes every message of the subjects that match. */
export async function purgeSubject(bus: Bus, stream: string, filter: string): Promise<void> {
  expectOk(stream, await jetStreamApi(bus, `STREAM.PURGE.${stream}`, { filter }, Success))
}

const Purged = z.object({ purged: z.number() })

/** Removes what lies under the subjects up to that sequence; says how many messages those were. */
export async function purgeUpTo(bus: Bus, stream: string, filter: string, seq: number): Promise<number> {
  const body = { filter, seq: seq + 1 }
  return expectOk(stream, await jetStreamApi(bus, `STREAM.PURGE.${stream}`, body, Purged)).purged
}

const StreamSubjects = z.object({ state: z.object({ subjects: z.record(z.string(), z.number()).nullish() }) })

/** Subjects under which something lies: the first hundred thousand of them. */
export async function storedSubjects(bus: Bus, stream: string, filter: string): Promise<string[]> {
  const body = { subjects_filter: filter }
  const info = expectOk(stream, await jetStreamApi(bus, `STREAM.INFO.${stream}`, body, StreamSubjects))
  return Object.keys(info.state.subjects ?? {})
}

/** Last sequence ever given in a stream; 0 when it is new. */
export async function lastSequence(bus: Bus, stream: string): Promise<number> {
  return expectOk(stream, await jetStreamApi(bus, `STREAM.INFO.${stream}`, undefined, StreamState)).state.last_seq
}

const Subjects = z.object({ state: z.object({ subjects: z.record(z.string(), z.number()).optional() }) })

/** Whether a stream holds a message of the subject now. */
export async function holdsAny(bus: Bus, stream: string, subject: string): Promise<boolean> {
  const asked = await jetStreamApi(bus, `STREAM.INFO.${stream}`, { subjects_filter: subject }, Subjects)
  return Object.keys(expectOk(stream, asked).state.subjects ?? {}).length > 0
}

const Stored = z.object({
  message: z.object({
    subject: z.string(),
    seq: z.number(),
    data: z.string().default(''),
    hdrs: z.string().optional(),
    time: z.string(),
  }),
})
export type StoredMessage = {
  subject: string
  seq: number
  data: Uint8Array
  headers: Record<string, string>
  at: Date
}

/** One message, from the stream's leader, so that what was acknowledged before is seen. */
export async function storedMessage(
  bus: Bus,
  stream: string,
  which: { last_by_subj: string } | { seq: number },
): Promise<StoredMessage | undefined> {
  const result = await jetStreamApi(bus, `STREAM.MSG.GET.${stream}`, which, Stored)
  if (!result.ok) {
    if (result.fault.errCode === FAULT.noMessage) return undefined
    throw unexpected(stream, result.fault)
  }
  const { subject, seq, data, hdrs, time } = result.value.message
  const headers = parseHeaders(Buffer.from(hdrs ?? '', 'base64').toString('utf8'))
  return { subject, seq, data: Buffer.from(data, 'base64'), headers, at: new Date(time) }
}

/** A header block as it goes over the wire: a version line, then `Name: value` lines. */
export function parseHeaders(block: string): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const line of block.split('\r\n').slice(1)) {
    const colon = line.indexOf(':')
    if (colon > 0) headers[line.slice(0, colon)] ??= line.slice(colon + 1).trim()
  }
  return headers
}
