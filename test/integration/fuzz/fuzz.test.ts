import { createHash } from 'node:crypto'
import type { Bus } from '@specfleet/shared'
import { connectBus, newId, openLog as openFactLog, parseFact, SpecId } from '@specfleet/shared'
import { startNats } from '@specfleet/testkit'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Acceptance } from '../../../packages/shared/src/bus/duplex/frames.ts'
import { startFuzzedOrchestrator } from './fuzzed-orchestrator.ts'
import {
  largestTask,
  type Message,
  malformedFact,
  malformedFrame,
  malformedOpening,
  malformedTask,
  misplacedFact,
  patientOpening,
} from './messages.ts'

/** Messages of each of the four kinds; `npm test -- --fuzz` sends 25,000. */
const EACH = Number(process.env.FUZZ_EACH ?? 5_000)
const BATCH = 500
/** Live sandboxes that ask amiss, and calls of each that are under way: within its quota. */
const LIVE = 8
const CALLS = 2
const SEED = fc.readConfigureGlobal().seed ?? 0
const ANSWER_MS = 30_000
/** Beside what V8 keeps of compiled code and shapes, which does not grow with the number of messages. */
const GROWTH_BYTES = 4 * 1024 * 1024

/** The same messages for the same seed, a batch at a time: all of them at once would fill the memory. */
function* batches<T>(arbitrary: fc.Arbitrary<T>, count: number, name: string): Generator<T[]> {
  for (let done = 0; done < count; done += BATCH)
    yield fc.sample(arbitrary, { numRuns: Math.min(BATCH, count - done), seed: hashed(`${SEED} ${name} ${done}`) })
}
const hashed = (text: string): number => createHash('sha256').update(text).digest().readInt32BE(0)
const nameOf = (subject: string, data: Uint8Array): string =>
  createHash('sha256').update(subject).update('\0').update(data).digest('base64')

test(`${4 * EACH} malformed messages: each is in the dead letters or counted, and nothing grows`, async () => {
  await using nats = await startNats()
  await using bus = await connectBus({ url: nats.url, creds: nats.orchestratorCreds, name: 'test' })
  await using orchestrator = await startFuzzedOrchestrator(nats)
  const api = async (operation: string, request: unknown) =>
    (await bus.requestJson(`sf.api.${operation}`, request, { timeoutMs: ANSWER_MS })) as Record<string, never>
  const honest = async (taskId: string) => {
    const settled = whenFact(bus, taskId, 'run.settled')
    expect(await api('submit', { kind: 'prompt', text: 'x', taskId, specId: taskId })).toMatchObject({ ok: true })
    expect((await settled).data).toMatchObject({ outcome: 'done' })
  }
  await using parts = new AsyncDisposableStack()
  const sandboxes: { runId: string; bus: Bus }[] = []
  for (let n = 0; n < LIVE; n += 1) {
    const runId = `live-${n}`
    const ready = whenFact(bus, runId, 'run.ready')
    expect(await api('submit', { kind: 'prompt', text: 'x', taskId: runId, specId: runId })).toMatchObject({ ok: true })
    await ready
    const creds = await orchestrator.credentials(runId)
    sandboxes.push({ runId, bus: parts.use(await connectBus({ url: nats.url, creds, name: runId })) })
  }
  await honest('before')

  const tasks = new TaskFuzz(bus)
  const facts = new FactFuzz(bus, sandboxes)
  const calls = sandboxes.map((sandbox) => new CallFuzz(sandbox.runId, sandbox.bus))
  const round = async (count: number, name: string) => {
    await tasks.send(count, name)
    await facts.send(count, name)
    await Promise.all(calls.map((lane) => lane.open(count / LIVE, name)))
    await Promise.all(calls.map((lane) => lane.breakOff(count / LIVE, name)))
    return orchestrator.measure()
  }
  const warm = await round(EACH * 0.2, 'warm')
  const half = await round(EACH * 0.4, 'half')
  const whole = await round(EACH * 0.4, 'whole')

  expect(orchestrator.troubles).toEqual([])
  expect(tasks.dead).toEqual(tasks.sent)
  expect(whole.refusedFacts).toBe(facts.sent)
  for (const [n, lane] of calls.entries()) {
    const runId = `live-${n}`
    expect(lane.answered).toBe(lane.sent)
    const { spec } = await api('get', { id: runId })
    expect(spec, runId).toMatchObject({ refused: { count: facts.ofSpec(runId) } })
    const refused = lane.sent + lane.overQuota
    expect(await refusalsOf(bus, runId, refused)).toBe(refused)
  }
  console.log(
    `fuzz, seed ${SEED}: heap behind a collection ${[warm, half, whole].map(({ heapBytes }) => (heapBytes / 1048576).toFixed(1)).join(' → ')} MiB, resident ${[warm, half, whole].map(({ rssBytes }) => (rssBytes / 1048576).toFixed(0)).join(' → ')} MiB`,
  )
  expect(whole.heapBytes - half.heapBytes).toBeLessThan(GROWTH_BYTES)
  await honest('behind')
}, 600_000)

/** Resolves with the first fact of that type of a spec. */
async function whenFact(bus: Bus, specId: string, type: string) {
  const stop = new AbortController()
  for await (const batch of openFactLog(bus).follow({ fromSeq: 1, specId: SpecId.parse(specId), signal: stop.signal }))
    for (const entry of batch) {
      const parsed = parseFact(entry.value())
      if (parsed.kind === 'fact' && parsed.fact.type === type) return parsed.fact
    }
  throw new Error(`the log of ${specId} ended`)
}

/** Adds up what the log tells of a run's refusals until that is as many. */
async function refusalsOf(bus: Bus, runId: string, wanted: number): Promise<number> {
  let count = 0
  const { signal } = new AbortController()
  for await (const batch of openFactLog(bus).follow({ fromSeq: 1, specId: SpecId.parse(runId), signal })) {
    for (const entry of batch) {
      const parsed = parseFact(entry.value())
      if (parsed.kind === 'fact' && parsed.fact.type === 'run.refused') count += parsed.fact.data.count
    }
    if (count >= wanted) return count
  }
  return count
}

class TaskFuzz {
  readonly #bus: Bus
  readonly #sent: string[] = []
  readonly #dead: string[] = []
  #wake = (): void => undefined

  constructor(bus: Bus) {
    this.#bus = bus
    const parts = new Map<string, Uint8Array[]>()
    bus.subscribe('sf.dead.>', ({ headers, data }) => {
      const [set = '', place = '1/1'] = (headers['Sf-Part'] ?? '').split(' ')
      const known = [...(parts.get(set) ?? []), data]
      if (set !== '' && Number(place.split('/')[1]) > known.length) return void parts.set(set, known)
      this.#dead.push(nameOf(headers['Sf-Subject'] ?? '', set === '' ? data : Buffer.concat(known)))
      this.#wake()
    })
  }

  get sent(): readonly string[] {
    return this.#sent.toSorted()
  }

  get dead(): readonly string[] {
    return this.#dead.toSorted()
  }

  async send(count: number, name: string): Promise<void> {
    for (const batch of batches(malformedTask, count, `${name} tasks`)) await this.#sendAll(batch)
    await this.#sendAll([largestTask(this.#bus.maxPayload - 512)])
    while (this.#dead.length < this.#sent.length) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  async #sendAll(batch: readonly Message[]): Promise<void> {
    for (const { subject, data } of batch) this.#sent.push(nameOf(subject, data))
    await Promise.all(
      batch.map(({ subject, data, headers }) => this.#bus.request(subject, data, { headers, timeoutMs: ANSWER_MS })),
    )
  }
}

class FactFuzz {
  readonly #bus: Bus
  readonly #sandboxes: readonly { runId: string; bus: Bus }[]
  readonly #bySpec = new Map<string, number>()
  #sent = 0

  constructor(bus: Bus, sandboxes: readonly { runId: string; bus: Bus }[]) {
    this.#bus = bus
    this.#sandboxes = sandboxes
  }

  get sent(): number {
    return this.#sent
  }

  ofSpec(specId: string): number {
    return this.#bySpec.get(specId) ?? 0
  }

  /** Half of them with the credentials of a sandbox, half where only trusted parts may publish. */
  async send(count: number, name: string): Promise<void> {
    for (const { runId, bus } of this.#sandboxes) {
      const at = { specId: runId, runId, epoch: 1 }
      const share = count / 2 / this.#sandboxes.length
      for (const batch of batches(malformedFact(at), share, `${name} facts of ${runId}`))
        await this.#sendAll(bus, batch)
      for (const batch of batches(misplacedFact(runId), share, `${name} misplaced ${runId}`))
        await this.#sendAll(this.#bus, batch)
    }
  }

  async #sendAll(bus: Bus, batch: readonly Message[]): Promise<void> {
    for (const { subject } of batch) {
      const specId = subject.split('.')[2] ?? ''
      // A subject that is no fact's belongs to no spec.
      const belongs = subject.split('.').length >= 5
      if (belongs) this.#bySpec.set(specId, this.ofSpec(specId) + 1)
    }
    this.#sent += batch.length
    await Promise.all(
      batch.map(({ subject, data, headers }) => bus.request(subject, data, { headers, timeoutMs: ANSWER_MS })),
    )
  }
}

/** Asks a desk amiss, with the credentials of a live sandbox, a few calls at a time. */
class CallFuzz {
  readonly #runId: string
  readonly #bus: Bus
  readonly #ended = new Map<string, () => void>()
  sent = 0
  answered = 0
  /** Honest openings that came too soon; refused and counted as well. */
  overQuota = 0

  constructor(runId: string, bus: Bus) {
    this.#runId = runId
    this.#bus = bus
    bus.subscribe(`sf.down.${runId}.1.>`, ({ subject, data }) => {
      // A frame that cancels: the sixth kind.
      if (data[0] === 6) this.#ended.get(subject.split('.').at(-1) ?? '')?.()
    })
  }

  open(count: number, name: string): Promise<void> {
    return this.#each(malformedOpening, count, `${name} openings ${this.#runId}`, async ({ service, data }) => {
      const call = callOf(data)
      const ended = this.#end(call)
      const accepted = await this.#ask(service, data)
      if (accepted) await ended
      this.#ended.delete(call)
    })
  }

  breakOff(count: number, name: string): Promise<void> {
    return this.#each(malformedFrame, count, `${name} frames ${this.#runId}`, async (frame) => {
      const call = newId()
      const ended = this.#end(call)
      // What was broken off counts against the quota until its upload is taken back.
      while (!(await this.#ask('blob', patientOpening(call)))) this.overQuota += 1
      this.#bus.publish(`sf.desk.${this.#runId}.1.blob.${call}`, frame)
      await ended
      this.#ended.delete(call)
    })
  }

  async #each<T>(
    arbitrary: fc.Arbitrary<T>,
    count: number,
    name: string,
    send: (one: T) => Promise<void>,
  ): Promise<void> {
    for (const batch of batches(arbitrary, count, name)) {
      const rest = batch.values()
      const lane = async () => {
        for (const one of rest) {
          this.sent += 1
          await send(one)
          this.answered += 1
        }
      }
      await Promise.all(Array.from({ length: CALLS }, lane))
    }
  }

  #end(call: string): Promise<void> {
    return new Promise((resolve) => this.#ended.set(call, resolve))
  }

  async #ask(service: string, data: Uint8Array): Promise<boolean> {
    const answer = await this.#bus.request(`sf.desk.${this.#runId}.1.${service}`, data, { timeoutMs: ANSWER_MS })
    return Acceptance.parse(answer.json()).ok
  }
}

/** The id of a call in an opening frame that is whole; else it is never accepted and never ends. */
function callOf(data: Uint8Array): string {
  return /"call":"([0-9A-Z]{26})"/.exec(Buffer.from(data).toString('latin1'))?.[1] ?? ''
}
