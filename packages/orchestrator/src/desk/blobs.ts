import { createHash } from 'node:crypto'
import type { Blobs, CallAnswer, IncomingCall, PlacedRun, Records, Sha256 } from '@specfleet/shared'
import { BlobRequest, describeIssues, SpecfleetError } from '@specfleet/shared'
import { type RunBlobs, reserve } from './run-blobs.ts'

export type BlobDesk = {
  readonly blobs: Blobs
  /** Of one blob. */
  readonly maxBytes: number
  /** Of all that a run leaves behind. */
  readonly maxBytesOfRun: number
  readonly runBlobs: Records<RunBlobs>
}

/** A sandbox gets what its run was given, and may leave behind what it names by its hash. */
export async function answerBlob(desk: BlobDesk, run: PlacedRun, call: IncomingCall): Promise<CallAnswer> {
  const request = BlobRequest.safeParse(call.meta)
  if (!request.success) throw new SpecfleetError('request.malformed', describeIssues(request.error))
  return request.data.op === 'get' ? get(desk, run, request.data.sha256) : put(desk, run, request.data, call)
}

async function get(desk: BlobDesk, run: PlacedRun, sha256: string): Promise<CallAnswer> {
  const own = [run.source?.sha256, run.placement.context].find((each) => each === sha256)
  if (own === undefined) throw new SpecfleetError('desk.forbidden', `blob ${sha256} is not of run ${run.runId}`)
  const blob = await desk.blobs.get(own)
  if (blob === undefined) throw new SpecfleetError('blob.unknown', sha256)
  return { meta: { sha256, bytes: blob.bytes }, body: blob.stream }
}

async function put(
  desk: BlobDesk,
  run: PlacedRun,
  { sha256, bytes }: { sha256: Sha256; bytes: number },
  call: IncomingCall,
): Promise<CallAnswer> {
  if (bytes > desk.maxBytes) throw new SpecfleetError('blob.too-large', `${bytes} bytes`)
  await reserve(desk.runBlobs, run, { sha256, bytes }, desk.maxBytesOfRun)
  const content = call.body.pipeThrough(mustBe(sha256), { signal: call.signal })
  return { meta: await desk.blobs.put(content, { maxBytes: bytes }) }
}

/** Fails a stream at its end, before it is stored, when it is not what it was announced to be. */
function mustBe(sha256: string): TransformStream<Uint8Array, Uint8Array> {
  const hash = createHash('sha256')
  return new TransformStream({
    transform(chunk, controller) {
      hash.update(chunk)
      controller.enqueue(chunk)
    },
    flush() {
      const came = hash.digest('hex')
      if (came !== sha256) throw new SpecfleetError('blob.corrupt', `it came as ${came}, announced as ${sha256}`)
    },
  })
}
