import { createHash } from 'node:crypto'
import { SpecfleetError } from '../contract/errors.ts'
import { newId, Sha256 } from '../contract/ids.ts'
import { BUCKETS } from '../contract/subjects.ts'
import { type BlobInventory, inventory, type Meta, publishMeta, readMeta, touch, WRITE_MS } from './blob-metas.ts'
import type { Bus } from './connection.ts'
import { purgeSubject, purgeUpTo } from './jetstream-api.ts'
import { store } from './publish.ts'
import { readStream } from './stream-reader.ts'
import { BLOB_STREAM, blobChunks, blobMeta } from './streams.ts'

/** Content-addressed store on the object bucket `sf_blobs`; any NATS client can read it there. */
export interface Blobs {
  /** Stores once; repeating it changes nothing. @throws SpecfleetError `blob.too-large`. */
  put(
    content: Uint8Array | ReadableStream<Uint8Array>,
    options?: { maxBytes?: number },
  ): Promise<{ sha256: Sha256; bytes: number }>
  /** The stream errors with `blob.corrupt` when the content does not match its name. */
  get(sha256: Sha256): Promise<{ bytes: number; stream: ReadableStream<Uint8Array> } | undefined>
  has(sha256: Sha256): Promise<boolean>
  /** Whether it is there; if so it counts as stored anew, so that who sweeps leaves it for whoever will name it. */
  touch(sha256: Sha256): Promise<boolean>
  delete(sha256: Sha256): Promise<void>
  /** All there is, for who sweeps. */
  inventory(): Promise<BlobInventory>
  /** Removes a blob unless it was stored again since it was of that version; says whether it did. */
  deleteVersion(sha256: Sha256, version: number): Promise<boolean>
  /** Removes what an upload left that was not finished. */
  dropUpload(upload: string): Promise<void>
}

const CHUNK_BYTES = 128 * 1024
/** Chunks sent ahead of their acknowledgement. */
const IN_FLIGHT = 16

/** The bucket must exist (`ensureTopology`). */
export async function openBlobs(bus: Bus): Promise<Blobs> {
  return {
    put: (content, options) => putBlob(bus, content, options?.maxBytes ?? Number.POSITIVE_INFINITY),
    get: async (sha256) => {
      const meta = await readMeta(bus, sha256)
      return meta === undefined ? undefined : { bytes: meta.size, stream: contentOf(bus, sha256, meta) }
    },
    has: async (sha256) => (await readMeta(bus, sha256)) !== undefined,
    touch: (sha256) => touch(bus, sha256),
    inventory: () => inventory(bus),
    deleteVersion: async (sha256, version) => {
      const meta = await readMeta(bus, sha256)
      if (meta?.version !== version) return false
      // Who stores it again at this moment finds it gone, or is found by this to have been first.
      if ((await purgeUpTo(bus, BLOB_STREAM, blobMeta(sha256), version)) === 0) return false
      await purgeSubject(bus, BLOB_STREAM, blobChunks(meta.nuid))
      return true
    },
    dropUpload: (upload) => purgeSubject(bus, BLOB_STREAM, blobChunks(upload)),
    delete: async (sha256) => {
      const meta = await readMeta(bus, sha256)
      if (meta === undefined) return
      await purgeSubject(bus, BLOB_STREAM, blobMeta(sha256))
      await purgeSubject(bus, BLOB_STREAM, blobChunks(meta.nuid))
    },
  }
}

type Content = Uint8Array | ReadableStream<Uint8Array>

async function putBlob(bus: Bus, content: Content, maxBytes: number): Promise<{ sha256: Sha256; bytes: number }> {
  if (content instanceof Uint8Array) {
    if (content.length > maxBytes) throw tooLarge(maxBytes)
    const sha256 = Sha256.parse(createHash('sha256').update(content).digest('hex'))
    if (await touch(bus, sha256)) return { sha256, bytes: content.length }
  }
  const upload = newId()
  try {
    const { digest, size, chunks } = await sendChunks(bus, upload, content, maxBytes)
    const sha256 = Sha256.parse(digest.toString('hex'))
    const meta = {
      name: sha256,
      bucket: BUCKETS.blobs,
      nuid: upload,
      size,
      chunks,
      digest: `SHA-256=${digest.toString('base64').replaceAll('+', '-').replaceAll('/', '_')}`,
      options: { max_chunk_size: CHUNK_BYTES },
    }
    while (!(await publishMeta(bus, sha256, meta, 0))) {
      // Somebody has it already; and that may be us, when an acknowledgement was lost and the server had forgotten.
      if ((await readMeta(bus, sha256))?.nuid === upload) break
      if (!(await touch(bus, sha256))) continue
      await purgeSubject(bus, BLOB_STREAM, blobChunks(upload))
      break
    }
    return { sha256, bytes: size }
  } catch (error) {
    await dropUpload(bus, upload, error)
    throw error
  }
}

async function sendChunks(
  bus: Bus,
  upload: string,
  content: Content,
  maxBytes: number,
): Promise<{ digest: Buffer; size: number; chunks: number }> {
  const hash = createHash('sha256')
  const sending = new Set<Promise<unknown>>()
  let failed: { error: unknown } | undefined
  let size = 0
  let chunks = 0
  const send = async (chunk: Uint8Array, number: number): Promise<void> => {
    try {
      await store(bus, blobChunks(upload), chunk, { id: `${upload}-${number}`, limitMs: WRITE_MS })
    } catch (error) {
      failed ??= { error }
    }
  }
  try {
    for await (const chunk of inChunks(content)) {
      size += chunk.length
      if (size > maxBytes) failed ??= { error: tooLarge(maxBytes) }
      if (failed !== undefined) break
      hash.update(chunk)
      chunks += 1
      const sent: Promise<unknown> = send(chunk, chunks).finally(() => sending.delete(sent))
      sending.add(sent)
      if (sending.size >= IN_FLIGHT) await Promise.race(sending)
    }
  } finally {
    await Promise.all(sending)
  }
  if (failed !== undefined) throw failed.error
  return { digest: hash.digest(), size, chunks }
}

/** Pieces of exactly the chunk size, but for the last. */
async function* inChunks(content: Content, chunkBytes = CHUNK_BYTES): AsyncGenerator<Uint8Array> {
  let held: Uint8Array[] = []
  let length = 0
  for await (const piece of content instanceof Uint8Array ? [content] : content) {
    let rest = piece
    while (length + rest.length >= chunkBytes) {
      const taken = chunkBytes - length
      yield Buffer.concat([...held, rest.subarray(0, taken)])
      rest = rest.subarray(taken)
      held = []
      length = 0
    }
    if (rest.length > 0) held.push(rest)
    length += rest.length
  }
  if (length > 0) yield Buffer.concat(held)
}

function contentOf(bus: Bus, sha256: Sha256, meta: Meta): ReadableStream<Uint8Array> {
  const chunks = verifiedChunks(bus, sha256, meta)
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const next = await chunks.next()
        if (next.done) controller.close()
        else controller.enqueue(next.value)
      },
      async cancel() {
        await chunks.return(undefined)
      },
    },
    { highWaterMark: 0 },
  )
}

async function* verifiedChunks(bus: Bus, sha256: Sha256, meta: Meta): AsyncGenerator<Uint8Array, undefined> {
  const hash = createHash('sha256')
  let seen = 0
  if (meta.chunks > 0) {
    const { signal } = new AbortController()
    const filter = blobChunks(meta.nuid)
    for await (const { messages, caughtUp } of readStream(bus, {
      stream: BLOB_STREAM,
      filter,
      from: { seq: 1 },
      signal,
    })) {
      for (const { data } of messages) {
        seen += 1
        hash.update(data)
        yield data
      }
      if (seen >= meta.chunks) break
      if (caughtUp) throw new SpecfleetError('blob.corrupt', `${sha256} has ${seen} of ${meta.chunks} chunks`)
    }
  }
  if (hash.digest('hex') !== sha256) throw new SpecfleetError('blob.corrupt', sha256)
  return undefined
}

const tooLarge = (maxBytes: number): SpecfleetError =>
  new SpecfleetError('blob.too-large', `more than ${maxBytes} bytes`)

/** Chunks without a meta are garbage; while the bus is away they must stay, and the first error counts. */
async function dropUpload(bus: Bus, upload: string, error: unknown): Promise<void> {
  if (error instanceof SpecfleetError && error.code === 'bus.unreachable') return
  await purgeSubject(bus, BLOB_STREAM, blobChunks(upload))
}
