import { setTimeout } from 'node:timers/promises'
import { NO_USAGE, RunId, SpecfleetError, sandboxIdOf } from '@specfleet/shared'
import { expect, test } from 'vitest'
import type { ModelUpstream } from '../../packages/orchestrator/src/gateway/upstreams/upstream.ts'
import type { Script, ScriptedWorker } from '../../packages/testkit/src/scripted-worker.ts'
import { startFleet } from './orchestrator-fleet.ts'

const MODEL = 'claude-sonnet-5-5'
/** At two and ten dollars a million: 0.3 dollars. */
const REPLY = JSON.stringify({ model: MODEL, usage: { input_tokens: 100_000, output_tokens: 10_000 } })
const BEGUN = `data: ${JSON.stringify({ type: 'message_start', message: { model: MODEL, usage: { input_tokens: 100_000, output_tokens: 1 } } })}\n\n`

/** Replies at once; a request that asks to hang begins its reply and never ends it. */
function countingUpstream(offline: boolean): ModelUpstream & { calls: number; hanging: Promise<void> } {
  const hanging = Promise.withResolvers<void>()
  return {
    name: 'counted',
    offline,
    calls: 0,
    hanging: hanging.promise,
    async fetch({ headers, body }, signal) {
      this.calls += 1
      await new Response(body instanceof Uint8Array ? Uint8Array.from(body) : body).arrayBuffer()
      if (headers['x-hang'] === undefined)
        return { status: 200, headers: { 'content-type': 'application/json' }, body: new Blob([REPLY]).stream() }
      const endless = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(new TextEncoder().encode(BEGUN))
          signal.addEventListener('abort', () => controller.error(signal.reason), { once: true })
          hanging.resolve()
        },
      })
      return { status: 200, headers: { 'content-type': 'text/event-stream' }, body: endless }
    },
  }
}

const ready = async (worker: ScriptedWorker) => {
  worker.beat()
  await worker.state({ type: 'run.ready', data: { bootMs: 1, worker: 'scripted', path: 'plain' } })
}
const call = (worker: ScriptedWorker, options: { model?: string; headers?: Record<string, string> } = {}) => {
  const body = JSON.stringify({ model: options.model ?? MODEL, max_tokens: 20_000, messages: [] })
  const meta = { method: 'POST', path: '/v1/messages', headers: options.headers ?? {} }
  return worker.ask('model', meta, new TextEncoder().encode(body))
}
const hang = { headers: { 'x-hang': 'yes' } }

/** Calls until it is refused, and ends as a worker does whose budget is spent. */
async function callUntilRefused(worker: ScriptedWorker, model = MODEL): Promise<number> {
  for (;;) {
    try {
      await call(worker, { model })
    } catch (error) {
      if (!(error instanceof SpecfleetError) || !error.code.startsWith('budget.')) throw error
      const delivered = { outcome: 'budget', reason: error.message, usage: NO_USAGE } as const
      await worker.state({ type: 'run.delivered', data: delivered })
      return 73
    }
  }
}

test('dollars are counted over crashes and owners, with what was in flight, and end the run when they are spent', async () => {
  const upstream = countingUpstream(false)
  const replaced = Promise.withResolvers<void>()
  const callsTwiceAndHangs: Script = async (worker) => {
    await ready(worker)
    await call(worker)
    await call(worker)
    await call(worker, hang)
    return 0
  }
  const goesOn: Script = async (worker) => {
    await ready(worker)
    await replaced.promise
    return callUntilRefused(worker)
  }
  await using fleet = await startFleet({
    upstream,
    scriptOf: ({ labels }) => (labels.epoch === 1 ? callsTwiceAndHangs : goesOn),
  })
  const owner = await fleet.join()
  await fleet.submit({ kind: 'prompt', text: 'x', taskId: 'paid', specId: 'paid', budget: { usd: 1 } })
  const facts = fleet.factsOf('paid')
  await upstream.hanging
  await fleet.engine.kill(sandboxIdOf(RunId.parse('paid'), 1))
  await facts.until('run.ready', ({ epoch }) => epoch === 2)
  await fleet.join()
  await owner[Symbol.asyncDispose]()
  await facts.until('run.adopted')
  replaced.resolve()

  const exhausted = await facts.until('budget.exhausted')
  // Twice and once more 0.3; what was in flight had read its prompt, and was cut off.
  expect(exhausted.data.limit).toBe('usd')
  expect(exhausted.data.used).toBeGreaterThan(0.9 + 0.2)
  expect(exhausted.data.used).toBeLessThan(0.9 + 0.22)
  expect(upstream.calls).toBe(4)
  const parked = await facts.until('run.parked')
  expect(parked.data.reason).toContain('usd')
  expect(parked.data.causes.at(-1)).toEqual({ kind: 'budget' })
  expect(facts.types().filter((type) => type === 'budget.reserved')).toHaveLength(4)
  expect(facts.types().filter((type) => type === 'budget.settled')).toHaveLength(4)
})

test('turns are counted by who passes them on: one that a crash lost was paid as well', async () => {
  const upstream = countingUpstream(true)
  const spent = Promise.withResolvers<number>()
  const callsAndHangs: Script = async (worker) => {
    await ready(worker)
    await call(worker)
    await call(worker, hang)
    return 0
  }
  const goesOn: Script = async (worker) => {
    await ready(worker)
    spent.resolve((await worker.resume()).spent.turns)
    return callUntilRefused(worker)
  }
  await using fleet = await startFleet({
    upstream,
    scriptOf: ({ labels }) => (labels.epoch === 1 ? callsAndHangs : goesOn),
  })
  await fleet.join()
  await fleet.submit({ kind: 'prompt', text: 'x', taskId: 'turns', specId: 'turns', budget: { turns: 3, usd: 0.01 } })
  const facts = fleet.factsOf('turns')
  await upstream.hanging
  await fleet.engine.kill(sandboxIdOf(RunId.parse('turns'), 1))
  expect((await facts.until('budget.exhausted')).data).toEqual({ limit: 'turns', used: 3 })
  expect(await spent.promise).toBe(2)
  expect(upstream.calls).toBe(3)
  await facts.until('run.parked')
})

test('a model without a known price is not called on a budget of dollars, and any is without one', async () => {
  const upstream = countingUpstream(false)
  const calls: Script = async (worker) => {
    await ready(worker)
    if (worker.env.SPEC_ID === 'unpriced') return callUntilRefused(worker, 'who-knows-1')
    await call(worker, { model: 'who-knows-1' })
    await worker.state({ type: 'run.delivered', data: { outcome: 'done', usage: NO_USAGE } })
    return 0
  }
  await using fleet = await startFleet({ upstream, scriptOf: () => calls })
  await fleet.join()
  const task = { kind: 'prompt', text: 'x' } as const
  await fleet.submit({ ...task, taskId: 'unpriced', specId: 'unpriced', budget: { usd: 5 } })
  expect((await fleet.factsOf('unpriced').until('run.parked')).data.reason).toContain('who-knows-1')
  expect(upstream.calls).toBe(0)
  await fleet.submit({ ...task, taskId: 'unlimited', specId: 'unlimited' })
  const unlimited = fleet.factsOf('unlimited')
  await unlimited.until('run.settled')
  expect(upstream.calls).toBe(1)
  expect(unlimited.types()).not.toContain('budget.reserved')
})

test('minutes are counted over crashes and owners, each epoch has what is left, and none is begun with nothing', async () => {
  const livesAWhile: Script = async (worker) => {
    await ready(worker)
    await setTimeout(700)
    return 1
  }
  await using fleet = await startFleet({ scriptOf: () => livesAWhile })
  const backoff = { firstMs: 1, longestMs: 10, provenMs: 60_000, attemptLimit: 50 }
  const owner = await fleet.join({ backoff })
  await fleet.submit({ kind: 'prompt', text: 'x', taskId: 'timed', specId: 'timed', budget: { minutes: 0.06 } })
  const facts = fleet.factsOf('timed')
  await facts.until('run.ready', ({ epoch }) => epoch === 2)
  await fleet.join({ backoff })
  await owner[Symbol.asyncDispose]()
  const exhausted = await facts.until('budget.exhausted')
  expect(exhausted.data.limit).toBe('minutes')
  expect(exhausted.data.used).toBeGreaterThan(0.06 - 1 / 60)
  expect((await facts.until('run.parked')).data.reason).toContain('minutes')
  const given = fleet.engine.requests.map(({ limits }) => limits.wallClockMinutes)
  expect(given[0]).toBe(0.06)
  expect(given).toEqual(given.toSorted((a, b) => b - a))
  expect(given.length).toBeLessThanOrEqual(4)
  expect(given.length).toBeGreaterThanOrEqual(2)
})
