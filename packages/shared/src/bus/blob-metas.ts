import * as z from 'zod'
import { SpecfleetError } from '../contract/errors.ts'
import { newId, Sha256 } from '../contract/ids.ts'
import type { Bus } from './connection.ts'
import { storedMessage, storedSubjects } from './jetstream-api.ts'
import { parseJson } from './json.ts'
import { HEADER, store } from './publish.ts'
import { readSubject } from './stream-reader.ts'
import { ALL_METAS, BLOB_STREAM, blobChunks, blobMeta } from './streams.ts'

export type BlobInventory = {
  /** `version` grows whenever the blob is stored again. */
  readonly blobs: readonly { readonly sha256: Sha256; readonly bytes: number; readonly version: number }[]
  /** Begun and not finished, under way or not. */
  readonly uploads: readonly string[]
}

/** What object stores of NATS keep of an object. */
const Meta = z.looseObject({ nuid: z.string(), size: z.number(), chunks: z.number(), deleted: z.boolean().optional() })
export type Meta = z.infer<typeof Meta>

/** How long a write is repeated until it is acknowledged. */
export const WRITE_MS = 30_000

type StoredMeta = { readonly meta: Meta; readonly version: number }

/** `undefined` for a blob that is not there, or was removed. */
export async function readMeta(bus: Bus, sha256: Sha256): Promise<(Meta & { readonly version: number }) | undefined> {
  const message = await storedMessage(bus, BLOB_STREAM, { last_by_subj: blobMeta(sha256) })
  const stored = message === undefined ? undefined : metaOf(message)
  return stored === undefined ? undefined : { ...stored.meta, version: stored.version }
}

function metaOf({ seq, data }: { seq: number; data: Uint8Array }): StoredMeta | undefined {
  const meta = Meta.safeParse(parseJson(data))
  return meta.success && meta.data.deleted !== true ? { meta: meta.data, version: seq } : undefined
}

/** Writes what is there once more, unless it was removed or written meanwhile, which is looked at again. */
export async function touch(bus: Bus, sha256: Sha256): Promise<boolean> {
  for (;;) {
    const held = await readMeta(bus, sha256)
    if (held === undefined) return false
    const { version, ...meta } = held
    if (await publishMeta(bus, sha256, meta, version)) return true
  }
}

const Named = z.looseObject({ name: Sha256 })

/** Every blob there is, and every upload that is not yet one, or never will be. */
export async function inventory(bus: Bus): Promise<BlobInventory> {
  // Uploads first: one that is finished in between is then known by its blob.
  const chunks = await storedSubjects(bus, BLOB_STREAM, blobChunks('>'))
  const uploads = new Set(chunks.map((subject) => subject.split('.').at(-1) ?? ''))
  const blobs: BlobInventory['blobs'][number][] = []
  for await (const message of readSubject(bus, BLOB_STREAM, ALL_METAS)) {
    const stored = metaOf(message)
    const name = Named.safeParse(stored?.meta)
    if (stored === undefined || !name.success) continue
    uploads.delete(stored.meta.nuid)
    blobs.push({ sha256: name.data.name, bytes: stored.meta.size, version: stored.version })
  }
  return { blobs, uploads: [...uploads] }
}

/** False when what is there is not of that version; 0 is for nothing. */
export async function publishMeta(bus: Bus, sha256: Sha256, meta: unknown, version: number): Promise<boolean> {
  const headers = { [HEADER.expectLastOfSubject]: String(version), [HEADER.rollup]: 'sub' }
  try {
    await store(bus, blobMeta(sha256), JSON.stringify(meta), { id: newId(), headers, limitMs: WRITE_MS })
    return true
  } catch (error) {
    if (error instanceof SpecfleetError && error.code === 'bus.conflict') return false
    throw error
  }
}
