import type { z } from 'zod'
import { SpecfleetError } from '../contract/errors.ts'
import type { Bus } from './connection.ts'

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
  replace(held: Held<T>, value: T): Promise<Held<T> | 'conflict'>
  put(key: string, value: T): Promise<Held<T>>
  /** With a `revision`: only while it is the last. @throws SpecfleetError `bus.conflict`. */
  delete(key: string, revision?: number): Promise<void>
  all(): Promise<Held<T>[]>
  /** Tells every record, then every change, over reconnections; resolves when the signal aborts. */
  watch(options: WatchOptions<T>): Promise<void>
}

export function openRecords<T>(
  bus: Bus,
  bucket: string,
  schema: z.ZodType<T>,
  options: { ttlMs?: number } = {},
): Promise<Records<T>> {
  return Promise.reject(new SpecfleetError('internal', JSON.stringify([bus.name, bucket, schema.description, options])))
}
