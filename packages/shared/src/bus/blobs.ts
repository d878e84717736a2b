import { SpecfleetError } from '../contract/errors.ts'
import type { Sha256 } from '../contract/ids.ts'
import type { Bus } from './connection.ts'

/** Content-addressed store on the object bucket `sf_blobs`. */
export interface Blobs {
  /** Stores once; repeating it changes nothing. @throws SpecfleetError `blob.too-large`. */
  put(
    content: Uint8Array | ReadableStream<Uint8Array>,
    options?: { maxBytes?: number },
  ): Promise<{ sha256: Sha256; bytes: number }>
  /** The stream errors with `blob.corrupt` when the content does not match its name. */
  get(sha256: Sha256): Promise<{ bytes: number; stream: ReadableStream<Uint8Array> } | undefined>
  has(sha256: Sha256): Promise<boolean>
  delete(sha256: Sha256): Promise<void>
}

export function openBlobs(bus: Bus): Promise<Blobs> {
  return Promise.reject(new SpecfleetError('internal', bus.name))
}
