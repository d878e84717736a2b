/** A desk for one run, that derives what it says from the log. */
import {
  addUsage,
  BlobRequest,
  type Bus,
  type CallAnswer,
  type IncomingCall,
  ModelRequest,
  NO_USAGE,
  type Phase,
  type ResumeState,
  type RunId,
  readTurns,
  resumePoint,
  SpecfleetError,
  type SpecId,
  type SpecState,
  serveCalls,
  subjects,
} from '@specfleet/shared'
import type { FakeMessagesApi } from '@specfleet/testkit'
import type { Source } from './worker-source.ts'

/** What a desk has for its worker. */
export type DeskTerms = {
  api: FakeMessagesApi
  source?: Source
  /** Further blobs by their name. */
  blobs?: ReadonlyMap<string, Uint8Array>
  task?: {
    requireSpecSkill?: boolean
    phase?: Phase
    kind?: 'spec' | 'prompt'
    approval?: 'auto' | ('requirements' | 'design' | 'tasks')[]
  }
}

export type ServedRun = {
  readonly bus: Bus
  readonly specId: SpecId
  readonly runId: RunId
  state(): Promise<SpecState>
}

const SERVICES = ['resume', 'blob', 'model'] as const
type Service = (typeof SERVICES)[number]

/** Answers whoever calls for that run; what a model is asked goes to the peer at `api`. */
export function serveDesk(run: ServedRun, terms: DeskTerms): AsyncDisposable {
  const served = new AsyncDisposableStack()
  for (const service of SERVICES) {
    const handler = (call: IncomingCall) => answer(service, call, run, terms)
    served.use(serveCalls(run.bus, { subject: subjects.desk('*', '*', service), queue: 'desk', handler }))
  }
  return served
}

async function answer(service: Service, call: IncomingCall, run: ServedRun, terms: DeskTerms): Promise<CallAnswer> {
  switch (service) {
    case 'resume':
      return { meta: await resume(run, terms) }
    case 'blob': {
      const { sha256 } = BlobRequest.parse(call.meta)
      const { source, blobs } = terms
      const bytes = source?.bundle.sha256 === sha256 ? source.bytes : blobs?.get(sha256)
      if (bytes === undefined) throw new SpecfleetError('blob.unknown', sha256)
      return { meta: { sha256, bytes: bytes.length }, body: bytes }
    }
    case 'model':
      return passOn(call, terms.api)
  }
}

async function passOn(call: IncomingCall, api: FakeMessagesApi): Promise<CallAnswer> {
  const { method, path, headers } = ModelRequest.parse(call.meta)
  const body = await new Response(call.body).text()
  const { host: _host, 'content-length': _length, ...rest } = headers
  const response = await fetch(`${api.url}${path}`, {
    method,
    headers: rest,
    body,
    signal: call.signal,
  })
  const meta = { status: response.status, headers: Object.fromEntries(response.headers) }
  return response.body === null ? { meta } : { meta, body: response.body }
}

async function resume(run: ServedRun, terms: DeskTerms): Promise<ResumeState> {
  const point = resumePoint(await run.state(), run.runId)
  if (point === undefined) throw new SpecfleetError('run.unknown')
  const turns = await readTurns(run.bus, run.specId, run.runId, { limits: point.turnLimits })
  const { requireSpecSkill = false, kind = 'spec', approval = 'auto' } = terms.task ?? {}
  return {
    v: 1,
    task: {
      kind,
      title: 'Orders',
      text: '# Orders',
      model: 'fake-model',
      executionMode: 'exploration',
      requireSpecSkill,
      selectedSkill: 'spec-driven-dev',
      approval,
      budget: {},
    },
    ...(point.phase === undefined ? {} : { phase: point.phase }),
    failedAttempts: point.failedAttempts,
    outputs: point.outputs,
    turns: turns.filter(({ conversation }) => conversation === point.conversation),
    turnsSoFar: Math.max(0, ...turns.map(({ turn }) => turn)),
    usage: turns.reduce((sum, { usage }) => addUsage(sum, usage), NO_USAGE),
    spent: { turns: turns.length, minutes: 0 },
    source: terms.source?.bundle ?? null,
    upstream: 'fake',
  }
}
