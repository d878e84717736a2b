import * as z from 'zod'
import { describeIssues, SpecfleetError } from '../contract/errors.ts'
import { newId } from '../contract/ids.ts'
import type { Bus } from './connection.ts'
import { FAULT, jetStreamApi, storedMessage, unexpected } from './jetstream-api.ts'
import { parseJson } from './json.ts'
import { type Acknowledged, HEADER, store, storeTogether } from './publish.ts'
import type { StreamBatch, StreamMessage } from './pull-session.ts'
import { readStream } from './stream-reader.ts'
import { bucketName, bucketStream } from './streams.ts'
import { ensureStream } from './topology.ts'

/** A value as it was read, with the revision that a later write must still find. */
export type Held<T> = { readonly key: string; readonly value: T; readonly revision: number }

export type RecordChange<T> = {
  key: string
  /** Absent: deleted, or expired. */
  held?: Held<T>
}

export type WatchOptions<T> = {
  signal: AbortSignal
  onChange: (change: RecordChange<T>) => void
  /** Called once, when all that existed at the start was told. */
  onCaughtUp?: () => void
  onMalformed?: (key: string, reason: string) => void
}

/** Records of one schema in a KV bucket, written by compare-and-set. */
export interface Records<T> {
  get(key: string): Promise<Held<T> | undefined>
  create(key: string, value: T): Promise<Held<T> | 'exists'>
  /** Creates all of them in one write, or none. @throws SpecfleetError: none was, or nobody knows. */
  createTogether(entries: readonly { readonly key: string; readonly value: T }[]): Promise<Held<T>[]>
  replace(held: Held<T>, value: T): Promise<Held<T> | 'conflict'>
  put(key: string, value: T): Promise<Held<T>>
  /** With a `revision`: only while it is the last. @throws SpecfleetError `bus.conflict`. */
  delete(key: string, revision?: number): Promise<void>
  all(): Promise<Held<T>[]>
  /** Tells every record, then every change, over reconnections; resolves when the signal aborts. */
  watch(options: WatchOptions<T>): Promise<void>
}

export type RecordOptions = {
  /** Records older than this vanish. Only said when the bucket does not exist yet. */
  ttlMs?: number
  /** Told of records that do not match the schema; they are left out. */
  onMalformed?: (key: string, reason: string) => void
}

const WRITE_MS = 30_000
const OPERATION = 'KV-Operation'
const MARKER = 'Nats-Marker-Reason'
const KEY = /^[A-Za-z0-9_=/-]+(\.[A-Za-z0-9_=/-]+)*$/
const Any = z.looseObject({})

/** @throws SpecfleetError `bus.topology`. */
export async function openRecords<T>(
  bus: Bus,
  bucket: string,
  schema: z.ZodType<T>,
  options: RecordOptions = {},
): Promise<Records<T>> {
  const known = await jetStreamApi(bus, `STREAM.INFO.${bucketName(bucket)}`, undefined, Any)
  if (!known.ok && known.fault.errCode !== FAULT.noStream) throw unexpected(bucket, known.fault)
  if (!known.ok) await ensureStream(bus, bucketStream(bucket, 1, options.ttlMs))
  return new BucketRecords(bus, bucket, schema, options.onMalformed ?? ((): void => undefined))
}

type Message = { seq: number; subject: string; data: Uint8Array; headers: Record<string, string> }
type Read<T> = { kind: 'held'; held: Held<T> } | { kind: 'deleted' } | { kind: 'malformed'; reason: string }

class BucketRecords<T> implements Records<T> {
  readonly #bus: Bus
  readonly #stream: string
  readonly #prefix: string
  readonly #schema: z.ZodType<T>
  readonly #onMalformed: (key: string, reason: string) => void

  constructor(bus: Bus, bucket: string, schema: z.ZodType<T>, onMalformed: (key: string, reason: string) => void) {
    this.#bus = bus
    this.#stream = bucketName(bucket)
    this.#prefix = `$KV.${bucket}.`
    this.#schema = schema
    this.#onMalformed = onMalformed
  }

  async get(key: string): Promise<Held<T> | undefined> {
    const message = await storedMessage(this.#bus, this.#stream, { last_by_subj: this.#subject(key) })
    const read = message === undefined ? undefined : this.#read(key, message)
    if (read?.kind === 'malformed')
      throw new SpecfleetError('record.malformed', `${this.#prefix}${key}: ${read.reason}`)
    return read?.kind === 'held' ? read.held : undefined
  }

  async create(key: string, value: T): Promise<Held<T> | 'exists'> {
    const made = await this.#write(key, value, 0)
    if (made !== 'conflict') return made
    const message = await storedMessage(this.#bus, this.#stream, { last_by_subj: this.#subject(key) })
    if (message !== undefined && !isDeletion(message.headers)) return 'exists'
    const again = await this.#write(key, value, message?.seq ?? 0)
    return again === 'conflict' ? 'exists' : again
  }

  async createTogether(entries: readonly { readonly key: string; readonly value: T }[]): Promise<Held<T>[]> {
    const messages = entries.map(({ key, value }) => ({
      subject: this.#subject(key),
      data: JSON.stringify(value),
      headers: expecting(0),
    }))
    const revisions = await storeTogether(this.#bus, messages)
    return entries.map((entry, index) => ({ ...entry, revision: revisions[index] ?? 0 }))
  }

  replace(held: Held<T>, value: T): Promise<Held<T> | 'conflict'> {
    return this.#write(held.key, value, held.revision)
  }

  async put(key: string, value: T): Promise<Held<T>> {
    const { seq } = await this.#store(key, JSON.stringify(value), {})
    return { key, value, revision: seq }
  }

  async delete(key: string, revision?: number): Promise<void> {
    await this.#store(key, '', { [OPERATION]: 'DEL', ...expecting(revision) })
  }

  async all(): Promise<Held<T>[]> {
    const found = new Map<string, Held<T>>()
    const { signal } = new AbortController()
    for await (const { messages, caughtUp } of this.#messages(signal)) {
      for (const message of messages) {
        const { key, held } = this.#change(message, this.#onMalformed) ?? {}
        if (held !== undefined) found.set(held.key, held)
        else if (key !== undefined) found.delete(key)
      }
      if (caughtUp) break
    }
    return [...found.values()]
  }

  async watch({ signal, onChange, onCaughtUp, onMalformed = this.#onMalformed }: WatchOptions<T>): Promise<void> {
    let told = false
    for await (const { messages, caughtUp } of this.#messages(signal)) {
      for (const message of messages) {
        const change = this.#change(message, onMalformed)
        if (change !== undefined) onChange(change)
      }
      if (caughtUp && !told) {
        told = true
        onCaughtUp?.()
      }
    }
  }

  #messages(signal: AbortSignal): AsyncGenerator<StreamBatch> {
    return readStream(this.#bus, { stream: this.#stream, filter: `${this.#prefix}>`, from: 'last-per-subject', signal })
  }

  #change(message: StreamMessage, onMalformed: (key: string, reason: string) => void): RecordChange<T> | undefined {
    const key = message.subject.slice(this.#prefix.length)
    const read = this.#read(key, { ...message, headers: message.headers() })
    if (read.kind === 'malformed') {
      onMalformed(key, read.reason)
      return undefined
    }
    return read.kind === 'held' ? { key, held: read.held } : { key }
  }

  #read(key: string, { seq, data, headers }: Message): Read<T> {
    if (isDeletion(headers)) return { kind: 'deleted' }
    const value = this.#schema.safeParse(parseJson(data))
    if (value.success) return { kind: 'held', held: { key, value: value.data, revision: seq } }
    return { kind: 'malformed', reason: describeIssues(value.error) }
  }

  async #write(key: string, value: T, revision: number): Promise<Held<T> | 'conflict'> {
    try {
      const { seq } = await this.#store(key, JSON.stringify(value), expecting(revision))
      return { key, value, revision: seq }
    } catch (error) {
      if (error instanceof SpecfleetError && error.code === 'bus.conflict') return 'conflict'
      throw error
    }
  }

  #store(key: string, data: string, headers: Record<string, string>): Promise<Acknowledged> {
    return store(this.#bus, this.#subject(key), data, { id: newId(), headers, limitMs: WRITE_MS })
  }

  #subject(key: string): string {
    if (!KEY.test(key)) throw new SpecfleetError('request.malformed', `"${key}" cannot be a key`)
    return `${this.#prefix}${key}`
  }
}

const expecting = (revision: number | undefined): Record<string, string> =>
  revision === undefined ? {} : { [HEADER.expectLastOfSubject]: String(revision) }

/** Deleted by us, or expired. */
const isDeletion = (headers: Record<string, string>): boolean =>
  headers[OPERATION] !== undefined || headers[MARKER] !== undefined
