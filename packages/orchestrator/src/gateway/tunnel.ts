import type { CallAnswer, IncomingCall, PlacedRun } from '@specfleet/shared'
import { describeIssues, ModelRequest, SpecfleetError } from '@specfleet/shared'
import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import type { Meter } from './meter.ts'
import type { ModelUpstream, UpstreamResponse } from './upstreams/upstream.ts'
import { UsageReader } from './usage-reader.ts'

type Collaborators = {
  /** Ends with the incarnation; disposed with the call. */
  readonly lifeOf: (run: PlacedRun) => Disposable & { signal: AbortSignal }
  readonly upstream: ModelUpstream
  readonly meter: Meter
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
    const answer = await upstream.fetch({ method, path, headers, body: call.body }, signal)
    const body = answer.body.pipeThrough(metered(collaborators, run, answer, startedAt, lives.move()))
    return { meta: { status: answer.status, headers: { ...answer.headers, [UPSTREAM_HEADER]: upstream.name } }, body }
  }
}

function metered(
  { upstream, meter, clock, log }: Collaborators,
  run: PlacedRun,
  { status, headers }: UpstreamResponse,
  startedAt: number,
  life: Disposable,
): TransformStream<Uint8Array, Uint8Array> {
  const reader = new UsageReader(headers['content-type'])
  const account = (ended: boolean) => {
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
  }
  return new TransformStream({
    transform(chunk, controller) {
      reader.see(chunk)
      controller.enqueue(chunk)
    },
    flush: () => account(true),
    // What was streamed before the sandbox hung up was paid for.
    cancel: () => account(false),
  })
}
