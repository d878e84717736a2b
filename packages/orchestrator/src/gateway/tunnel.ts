import type { CallAnswer, IncomingCall, PlacedRun } from '@specfleet/shared'
import { describeIssues, ModelRequest, SpecfleetError } from '@specfleet/shared'
import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import type { Meter } from './meter.ts'
import type { Charge, Purse } from './purse.ts'
import type { ModelUpstream, UpstreamRequest, UpstreamResponse } from './upstreams/upstream.ts'
import { UsageReader } from './usage-reader.ts'

type Collaborators = {
  /** Ends with the incarnation; disposed with the call. */
  readonly lifeOf: (run: PlacedRun) => Disposable & { signal: AbortSignal }
  readonly upstream: ModelUpstream
  readonly meter: Meter
  readonly purse: Purse
  readonly clock: Clock
  readonly log: Log
}

/** Headers a worker gets to see beside those of the answer. */
const UPSTREAM_HEADER = 'x-specfleet-upstream'

/** What a sandbox may ask of the API: a key may open more doors than these. */
const ALLOWED: readonly { readonly method: string; readonly path: RegExp }[] = [
  { method: 'POST', path: /^\/v1\/messages(\/count_tokens)?$/ },
  { method: 'GET', path: /^\/v1\/models(\/[A-Za-z0-9._:-]+)?$/ },
]

/** Passes HTTP requests of sandboxes on to the upstream, and their answers back, as they stream. */
export function openTunnel(collaborators: Collaborators) {
  const { upstream } = collaborators
  return async (run: PlacedRun, call: IncomingCall): Promise<CallAnswer> => {
    const request = ModelRequest.safeParse(call.meta)
    if (!request.success) throw new SpecfleetError('request.malformed', describeIssues(request.error))
    const { method, path, headers } = request.data
    const [plain = ''] = path.split('?', 1)
    if (!ALLOWED.some((each) => each.method === method && each.path.test(plain)))
      throw new SpecfleetError('desk.forbidden', `${method} ${plain} is not for sandboxes`)
    await call.heard
    const startedAt = collaborators.clock.monotonic()
    using lives = new DisposableStack()
    const life = lives.use(collaborators.lifeOf(run))
    // A sandbox that dies cannot cancel: what it would have been told is not paid for any longer.
    const signal = AbortSignal.any([call.signal, life.signal])
    const pays = plain === '/v1/messages' && collaborators.purse.charges(run)
    const asked = pays ? await wholeOf(call.body) : call.body
    const charge = asked instanceof Uint8Array ? await collaborators.purse.open(run, asked, signal) : undefined
    const answer = await answered(upstream, { method, path, headers, body: asked }, charge, signal)
    const body = answer.body.pipeThrough(metered(collaborators, run, answer, startedAt, lives.move(), charge))
    return { meta: { status: answer.status, headers: { ...answer.headers, [UPSTREAM_HEADER]: upstream.name } }, body }
  }
}

/** Longest request that is read, as the API has it. */
const MOST_BYTES = 32 * 1024 * 1024

async function wholeOf(body: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.byteLength
    if (bytes > MOST_BYTES) throw new SpecfleetError('request.malformed', `it is longer than ${MOST_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Without a reply nothing is charged. */
async function answered(
  upstream: ModelUpstream,
  request: UpstreamRequest,
  charge: Charge | undefined,
  signal: AbortSignal,
): Promise<UpstreamResponse> {
  try {
    const answer = await upstream.fetch(request, signal)
    if (answer.status >= 400) await charge?.release()
    return answer
  } catch (error) {
    await charge?.release()
    throw error
  }
}

function metered(
  { upstream, meter, clock, log }: Collaborators,
  run: PlacedRun,
  { status, headers }: UpstreamResponse,
  startedAt: number,
  life: Disposable,
  charge: Charge | undefined,
): TransformStream<Uint8Array, Uint8Array> {
  const reader = new UsageReader(headers['content-type'])
  let bytes = 0
  const account = async (ended: boolean) => {
    life[Symbol.dispose]()
    const report = reader.end()
    const counts = report.tokens.input + report.tokens.output > 0
    log.info('model.called', {
      runId: run.runId,
      epoch: run.placement.epoch,
      upstream: upstream.name,
      status,
      ended,
      model: report.model,
      ...report.tokens,
      ...(counts ? meter.count(run.runId, report) : {}),
      ms: Math.round(clock.monotonic() - startedAt),
    })
    if (status < 400) await charge?.settle(report, bytes)
  }
  return new TransformStream({
    transform(chunk, controller) {
      reader.see(chunk)
      bytes += chunk.byteLength
      controller.enqueue(chunk)
    },
    flush: () => account(true),
    // What was streamed before the sandbox hung up was paid for.
    cancel: () => account(false),
  })
}
