import { readEntry, SpecfleetError } from '@specfleet/shared'
import fc from 'fast-check'
import { readQueuedTask } from '../../../packages/orchestrator/src/intake/admission.ts'
import { FRAME_COST } from '../../../packages/shared/src/bus/duplex/flow.ts'
import { encodeFrame, encodeHead } from '../../../packages/shared/src/bus/duplex/frames.ts'
import { parseJson } from '../../../packages/shared/src/bus/json.ts'
import { nearly } from './json-edits.ts'

export type Message = { readonly subject: string; readonly data: Uint8Array; readonly headers: Record<string, string> }

const encoder = new TextEncoder()
const id = fc.string({ minLength: 1, maxLength: 12, unit: fc.constantFrom(...'abcXYZ019_-') })
const text = fc.string({ maxLength: 60 })
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined })

/** Names and values that a client library lets through; those that mean something to the server stay out. */
const headers = fc.oneof(
  { weight: 6, arbitrary: fc.constant({}) },
  {
    weight: 1,
    arbitrary: fc.dictionary(
      fc.constantFrom(
        'Sf-Part',
        'Sf-Error',
        'Sf-Subject',
        'Sf-Original-X',
        'X-A',
        '__proto__',
        'constructor',
        'A'.repeat(200),
      ),
      fc.oneof(
        fc.constantFrom('set 1/2', '1/99999999', 'bm90IGpzb24=', 'x'.repeat(2_000)),
        fc.stringMatching(/^[\x21-\x7e]{0,60}$/),
      ),
      { maxKeys: 6 },
    ),
  },
)

const task = fc.record({
  v: fc.constant(1),
  kind: fc.constantFrom('spec', 'prompt'),
  taskId: optional(id),
  specId: optional(id),
  projectId: id,
  title: text,
  text: fc.constant('# A spec'),
  source: optional(fc.record({ git: fc.constant('/srv/none'), ref: fc.constant('main') })),
  priority: fc.constantFrom('high', 'normal', 'low'),
  executionConfig: fc.record({ requireSpecSkill: fc.boolean(), executionMode: fc.constant('exploration') }),
  approval: fc.constantFrom('auto', ['design']),
  budget: fc.record({ usd: fc.constant(1), turns: fc.constant(10), minutes: fc.constant(5) }),
})

const taskSubject = fc
  .tuple(
    fc.constantFrom('high', 'normal', 'normal', 'low'),
    fc.constantFrom('spec', 'prompt', 'ticket', 'validate', 'dance', '__proto__'),
  )
  .map(([priority, kind]) => `sf.task.${priority}.${kind}`)

/** Whether a task would be turned away for what it is. What happens to be valid is no malformed message. */
function isRefusedTask({ subject, data }: Message): boolean {
  try {
    readQueuedTask({ subject, data, seq: 1 })
    return false
  } catch (error) {
    if (error instanceof SpecfleetError) return true
    throw error
  }
}

/** Tasks at the limit of what a message may hold are few: each is a megabyte. */
export const malformedTask: fc.Arbitrary<Message> = fc
  .record({ subject: taskSubject, data: nearly(task), headers })
  .filter(isRefusedTask)

export const largestTask = (bytes: number): Message => ({
  subject: 'sf.task.normal.spec',
  data: encoder.encode(`{"kind":"spec","text":"${'x'.repeat(bytes - 25)}"}`),
  headers: {},
})

const WORKERS = [
  'run.ready',
  'run.delivered',
  'phase.started',
  'phase.evaluated',
  'phase.completed',
  'phase.failed',
  'agent.asked',
]
const usage = {
  turns: 1,
  toolCalls: 0,
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  usd: 0,
}
const fact = (at: { specId: string; runId: string; epoch: number }) =>
  fc.record({
    v: fc.constant(1),
    id,
    type: fc.constantFrom(...WORKERS),
    specId: fc.constant(at.specId),
    runId: fc.constant(at.runId),
    epoch: fc.constant(at.epoch),
    seq: fc.nat(),
    at: fc.constant('2026-11-20T12:00:00.000Z'),
    by: fc.constant('worker'),
    data: fc.record({
      phase: fc.constantFrom('explore', 'design'),
      attempt: fc.integer({ min: 1, max: 3 }),
      turn: fc.nat(100),
      outcome: fc.constant('done'),
      usage: fc.constant(usage),
      question: text,
      bootMs: fc.nat(),
      worker: text,
      path: fc.constant('plain'),
    }),
  })

/** On the subjects that a sandbox may publish on: its own, of the kinds it may state. */
export const malformedFact = (at: { specId: string; runId: string; epoch: number }): fc.Arbitrary<Message> =>
  fc
    .record({ type: fc.constantFrom(...WORKERS), data: nearly(fact(at)), headers })
    .map(({ type, ...rest }) => ({ subject: `sf.log.${at.specId}.${at.runId}.${at.epoch}.${type}`, ...rest }))
    .filter(({ subject, data }) => readEntry(subject, parseJson(data)).kind === 'refused')

/** On any subject of the log: only the trusted parts may publish there, and they may be broken. */
export const misplacedFact = (specId: string): fc.Arbitrary<Message> =>
  fc
    .record({
      subject: fc.constantFrom(
        `sf.log.${specId}.-.0.spec.edited`,
        `sf.log.${specId}.nobody.7.run.fenced`,
        `sf.log.${specId}.x.NaN.run.fenced`,
        `sf.log.${specId}.x.-1.run.lost`,
        `sf.log.${specId}.x.1e9.run.lost`,
        `sf.log.${specId}`,
        `sf.log.${specId}.__proto__.1.constructor`,
        'sf.log.__proto__.constructor.1.x.y',
        'sf.log.no-such-spec.r.1.run.ready',
        'sf.log.$JS.API.1.x',
      ),
      data: nearly(fact({ specId, runId: 'nobody', epoch: 7 })),
      headers,
    })
    .filter(({ subject, data }) => readEntry(subject, parseJson(data)).kind === 'refused')

export type Opening = { readonly service: string; readonly data: Uint8Array }

const SHA = 'a'.repeat(64)
const meta = {
  blob: fc.constantFrom<unknown>(
    { op: 'get', sha256: SHA },
    { op: 'put', sha256: 'A'.repeat(64), bytes: 1 },
    { op: 'put', sha256: SHA, bytes: -1 },
    { op: 'put', sha256: SHA, bytes: 1e15 },
    { op: 'delete', sha256: SHA },
  ),
  memory: fc.constantFrom<unknown>(
    { op: 'get', key: 'a.b' },
    { op: 'put', key: '', text: 'x' },
    { op: 'put', key: 'k', text: 7 },
    { op: '__proto__' },
  ),
  model: fc.constantFrom<unknown>(
    { method: 'DELETE', path: '/v1/messages', headers: {} },
    { method: 'POST', path: '/v1/files', headers: {} },
    { method: 'POST', path: 'v1/messages', headers: {} },
    { method: 'POST', path: '/v1/messages', headers: [] },
    { method: 'GET', path: `/v1/models/${'../'.repeat(20)}`, headers: {} },
  ),
}
const strangeMeta = fc.oneof(
  fc.constantFrom<unknown>(null, 0, [], {}, '', 'x', { __proto__: null, op: [] }),
  fc.anything({ maxDepth: 3, key: fc.constantFrom('op', 'sha256', 'method', 'constructor') }),
)
const terms = { v: 1, end: true, windowBytes: 65_536, idleMs: 30_000 }

/** A frame that opens a call, and asks for what no service gives. */
const askingAmiss = fc.oneof(
  ...(['blob', 'memory', 'model'] as const).map((service) =>
    fc.record({ service: fc.constant(service), call: ulid(), meta: fc.oneof(meta[service], strangeMeta) }),
  ),
)
function ulid(): fc.Arbitrary<string> {
  return fc.string({ minLength: 26, maxLength: 26, unit: fc.constantFrom(...'0123456789ABCDEFGHJKMNPQRSTVWXYZ') })
}

const open = (head: Uint8Array, seq = 0, kind: 'open' | 'data' | 'head' = 'open') =>
  encodeFrame({ kind, seq, payload: head })

/** Requests that the desk has to refuse, each by one answer. */
export const malformedOpening: fc.Arbitrary<Opening> = fc.oneof(
  {
    weight: 4,
    arbitrary: askingAmiss.map(({ service, call, meta }) => ({
      service,
      data: open(encodeHead({ ...terms, v: 1, call: call as never, meta: jsonable(meta) }, new Uint8Array())),
    })),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(
        fc.constantFrom('blob', 'memory', 'model', 'resume'),
        nearly(
          fc.record({
            ...Object.fromEntries(Object.entries(terms).map(([key, value]) => [key, fc.constant(value)])),
            call: ulid(),
            meta: fc.constant({ op: 'none' }),
          }),
        ),
        fc.integer({ min: -3, max: 3 }),
      )
      .map(([service, head, off]) => ({ service, data: open(lengthBefore(head, off)) }))
      .filter(({ data }) => !opens(data)),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        fc.constantFrom('blob', 'memory', 'model', 'resume'),
        fc.uint8Array({ maxLength: 80 }),
        fc.nat(9),
        fc.nat(3),
      )
      .map(([service, rest, kind, seq]) => ({ service, data: joinedFrame(kind, seq, rest) }))
      .filter(({ data }) => !opens(data)),
  },
)

/** What JSON can say of it, for a head is JSON. */
function jsonable(value: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(value) ?? 'null')
  } catch {
    return null
  }
}

function lengthBefore(head: Uint8Array, off: number): Uint8Array {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(Math.max(0, head.length + off))
  return Buffer.concat([length, head])
}

const joinedFrame = (kind: number, seq: number, rest: Uint8Array): Uint8Array =>
  Uint8Array.from([kind, 0, 0, 0, seq, ...rest])

/** Whether somebody who reads frames as the protocol says would take it for an opening of a call. */
function opens(data: Uint8Array): boolean {
  if (data.length < 9 || data[0] !== 1 || Buffer.from(data).readUInt32BE(1) !== 0) return false
  const end = 9 + Buffer.from(data).readUInt32BE(5)
  const head = parseJson(data.subarray(9, end))
  const isHead = typeof head === 'object' && head !== null && 'call' in head && 'v' in head && head.v === 1
  return end <= data.length && isHead && 'end' in head && typeof head.end === 'boolean'
}

/** A frame that takes more than the window of a call, which is a MiB; the largest is as long as a message may be. */
const overrunningFrame = fc
  .integer({ min: 2 ** 20 - FRAME_COST + 1, max: 2 ** 20 - 5 })
  .map((bytes) => encodeFrame({ kind: 'data', seq: 1, payload: new Uint8Array(bytes) }))

/** The first frame behind an opening; whatever it is, it breaks the rules. Those of a megabyte are few. */
const smallFrame: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ maxLength: 4 }),
  fc
    .tuple(fc.constantFrom(0, 8, 9, 100, 255), fc.uint8Array({ maxLength: 40 }))
    .map(([kind, rest]) => joinedFrame(kind, 1, rest)),
  fc
    .tuple(
      fc.constantFrom(3, 4, 5, 7),
      fc.integer({ min: 0, max: 255 }).filter((seq) => seq !== 1),
      fc.uint8Array({ maxLength: 40 }),
    )
    .map(([kind, seq, rest]) => joinedFrame(kind, seq, rest)),
  fc
    .uint8Array({ maxLength: 40 })
    .filter(({ length }) => length !== 4)
    .map((rest) => joinedFrame(5, 1, rest)),
  fc.tuple(fc.constantFrom(1, 2), fc.uint8Array({ maxLength: 40 })).map(([kind, rest]) => joinedFrame(kind, 1, rest)),
)

export const malformedFrame: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 99, arbitrary: smallFrame },
  { weight: 1, arbitrary: overrunningFrame },
)

/** Opens a call that waits for its body. */
export const patientOpening = (call: string): Uint8Array =>
  open(
    encodeHead(
      { ...terms, v: 1, end: false, call: call as never, meta: { op: 'put', sha256: SHA, bytes: 10 } },
      new Uint8Array(),
    ),
  )
