import { connectBus, NO_USAGE, RunId, readTurns, SpecId, sandboxIdOf } from '@specfleet/shared'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { deliver, type Script, workUntilTold } from '../../packages/testkit/src/scripted-worker.ts'
import { type Fleet, startFleet } from './orchestrator-fleet.ts'

/** What the next sandboxes do, by epoch; the last script goes on for later ones. */
let scripts: Script[] = []
const scriptOf = ({ labels }: { labels: { epoch: number } }) =>
  scripts[Math.min(labels.epoch, scripts.length) - 1] ?? deliver

const fleet: Fleet = await startFleet({ scriptOf })
await fleet.join()
afterAll(() => fleet[Symbol.asyncDispose]())
beforeEach(() => {
  scripts = []
})

const ready: Script = async (worker) => {
  await worker.state({ type: 'run.ready', data: { bootMs: 1, worker: 'scripted', path: 'plain' } })
  return 1
}

describe('a run', () => {
  test('goes from the queue to its result, and nothing of it is left', async () => {
    const specId = await fleet.submit({ kind: 'prompt', text: 'say hello', taskId: 'hello' })
    const facts = fleet.factsOf(specId)
    expect((await facts.until('run.settled')).data.outcome).toBe('done')
    const expected = [
      'spec.submitted',
      'run.claimed',
      'run.fenced',
      'run.spawned',
      'run.ready',
      'run.delivered',
      'run.settled',
    ]
    expect(new Set(facts.types())).toEqual(new Set(expected))
    const answer = await fleet.api('get', { id: 'hello' })
    expect(answer).toMatchObject({
      ok: true,
      spec: { lifecycle: 'completed' },
      runs: [{ state: 'settled', outcome: 'done' }],
    })
    await fleet.engine.untilGone(specId)
  })

  test('leaves no turns behind when its owner is stopped right behind its last record', async () => {
    fleet.onLog(({ event, runId }) => {
      if (event === 'run.settled' && runId === 'stopped-last') throw new Error('the world stops here')
    })
    scripts = [
      async (worker) => {
        await ready(worker)
        await worker.turn(1)
        return deliver(worker)
      },
    ]
    await fleet.submit({ kind: 'prompt', text: 'x', taskId: 'stopped-last' })
    await fleet.factsOf('stopped-last').until('run.settled')
    await fleet.engine.untilGone('stopped-last')
    expect(await readTurns(fleet.bus, SpecId.parse('stopped-last'), RunId.parse('stopped-last'))).toEqual([])
  })

  test('whose worker dies is tried again from its last acknowledged turn', async () => {
    const resumed: number[] = []
    scripts = [
      async (worker) => {
        await ready(worker)
        await worker.turn(1)
        await worker.turn(2)
        return 3
      },
      async (worker) => {
        const { turns, turnsSoFar, usage } = await worker.resume()
        resumed.push(...turns.map(({ turn }) => turn), turnsSoFar, usage.turns)
        return deliver(worker)
      },
    ]
    const specId = await fleet.submit({ kind: 'prompt', text: 'die once', taskId: 'dies-once' })
    const facts = fleet.factsOf(specId)
    await facts.until('run.settled')
    expect(resumed).toEqual([1, 2, 2, 2])
    expect((await facts.until('run.lost')).data.cause).toEqual({ kind: 'exit', code: 3 })
    expect(facts.all.filter(({ type }) => type === 'run.fenced').map(({ epoch }) => epoch)).toEqual([1, 2])
  })

  test('that keeps dying is parked with its causes, and goes on when a person says so', async () => {
    scripts = [ready, ready, ready, deliver]
    const specId = await fleet.submit({ kind: 'prompt', text: 'die often', taskId: 'dies-often' })
    const facts = fleet.factsOf(specId)
    const parked = await facts.until('run.parked')
    expect(parked.data.causes).toEqual(Array.from({ length: 3 }, () => ({ kind: 'exit', code: 1 })))
    expect(await fleet.api('command', { command: 'retry', specId })).toMatchObject({
      ok: true,
      facts: ['spec.resumed'],
    })
    expect((await facts.until('run.settled')).data.outcome).toBe('done')
  })

  test('that is misconfigured is parked at once', async () => {
    scripts = [async () => 78]
    const specId = await fleet.submit({ kind: 'prompt', text: 'bad birth', taskId: 'misborn' })
    const facts = fleet.factsOf(specId)
    expect((await facts.until('run.parked')).data.causes).toEqual([{ kind: 'configuration' }])
    expect((await facts.until('run.lost')).data.cause).toEqual({ kind: 'configuration' })
  })

  test('whose worker falls silent is replaced, and the silent one can say nothing more', async () => {
    let creds = ''
    scripts = [
      async (worker) => {
        creds = Buffer.from(worker.env.BUS_CREDS_B64 ?? '', 'base64').toString('utf8')
        worker.beat()
        await ready(worker)
        worker.stopBeating()
        return new Promise(() => {})
      },
      deliver,
    ]
    const specId = await fleet.submit({ kind: 'prompt', text: 'fall silent', taskId: 'silent' })
    const facts = fleet.factsOf(specId)
    expect((await facts.until('run.lost')).data.cause).toMatchObject({ kind: 'lost-heartbeat' })
    expect((await facts.until('run.settled')).data.outcome).toBe('done')
    const zombie = connectBus({ url: fleet.nats.url, creds, name: 'zombie' })
    await expect(zombie).rejects.toMatchObject({ code: 'bus.refused' })
  })

  test('that cannot be started is tried again, and parked when the engine says never', async () => {
    fleet.engine.failure = { kind: 'failed', code: 'no-image', message: 'there is none', retryable: false }
    const specId = await fleet.submit({ kind: 'prompt', text: 'no image', taskId: 'no-image' })
    const parked = await fleet.factsOf(specId).until('run.parked')
    fleet.engine.failure = undefined
    expect(parked.data.causes).toEqual([{ kind: 'provider-error', code: 'no-image', retryable: false }])
  })

  test('that floods the log is fenced, and only it', async () => {
    scripts = [
      async (worker) => {
        worker.beat()
        await ready(worker)
        for (let n = 0; n < 3_000; n += 1)
          worker.bus.publish(`sf.log.${worker.env.SPEC_ID}.${worker.env.RUN_ID}.1.agent.asked`, 'rubbish')
        await worker.order()
        return 0
      },
      deliver,
    ]
    const specId = await fleet.submit({ kind: 'prompt', text: 'flood', taskId: 'flood' })
    const facts = fleet.factsOf(specId)
    expect((await facts.until('run.lost')).data.cause).toEqual({ kind: 'flood' })
    expect((await facts.until('run.settled')).data.outcome).toBe('done')
    expect((await fleet.state(specId)).refused.count).toBeGreaterThan(500)
  })
})

describe('a person', () => {
  test('retries what has failed for good: it is queued once more, however often they ask', async () => {
    const fails: Script = async (worker) => {
      await ready(worker)
      await worker.state({ type: 'run.delivered', data: { outcome: 'failed', reason: 'no luck', usage: NO_USAGE } })
      return 1
    }
    scripts = [fails]
    const specId = await fleet.submit({ kind: 'prompt', text: 'try', taskId: 'luckless' })
    const facts = fleet.factsOf(specId)
    expect((await facts.until('run.settled')).data.outcome).toBe('failed')
    scripts = [deliver]
    const retry = () => fleet.api('command', { command: 'retry', specId })
    const [one, two] = await Promise.all([retry(), retry()])
    const requeued = new Set([one.requeued, two.requeued].filter((id) => id !== undefined))
    expect(requeued.size).toBe(1)
    await facts.until('run.settled', ({ data }) => data.outcome === 'done')
    expect(facts.all.filter(({ type }) => type === 'run.claimed').map(({ runId }) => runId)).toEqual([
      'luckless',
      ...requeued,
    ])
  })

  test('cancels: the worker is told, and the run is settled', async () => {
    scripts = [workUntilTold]
    const specId = await fleet.submit({ kind: 'prompt', text: 'cancel me', taskId: 'cancel-me' })
    const facts = fleet.factsOf(specId)
    await facts.until('run.ready')
    const answer = await fleet.api('command', { command: 'cancel', specId, reason: 'enough' })
    expect(answer).toMatchObject({ ok: true, facts: ['spec.cancelled'], reachedRuns: ['cancel-me'] })
    expect((await facts.until('run.settled')).data.outcome).toBe('cancelled')
    expect(facts.all.filter(({ type }) => type === 'agent.steered')).toHaveLength(1)
    expect(facts.types()).not.toContain('run.lost')
  })

  test('cancels one that does not listen: it is ended by force', async () => {
    scripts = [
      async (worker) => {
        worker.beat()
        await ready(worker)
        return new Promise(() => {})
      },
    ]
    const specId = await fleet.submit({ kind: 'prompt', text: 'deaf', taskId: 'deaf' })
    const facts = fleet.factsOf(specId)
    await facts.until('run.ready')
    await fleet.api('command', { command: 'cancel', specId })
    expect((await facts.until('run.settled')).data.outcome).toBe('cancelled')
    expect(fleet.engine.alive).not.toContain(sandboxIdOf(RunId.parse('deaf'), 1))
  })

  test('pauses and resumes: nothing counts as a failure', async () => {
    scripts = [workUntilTold, deliver]
    const specId = await fleet.submit({ kind: 'prompt', text: 'pause me', taskId: 'pause-me' })
    const facts = fleet.factsOf(specId)
    await facts.until('run.ready')
    await fleet.api('command', { command: 'pause', specId })
    await facts.until('run.delivered', ({ data }) => data.outcome === 'paused')
    await fleet.api('command', { command: 'resume', specId })
    expect((await facts.until('run.settled')).data.outcome).toBe('done')
    expect(facts.types()).not.toContain('run.lost')
  })

  test('steers: the words reach the worker', async () => {
    const words: string[] = []
    scripts = [
      async (worker) => {
        worker.beat()
        await ready(worker)
        const order = await worker.order()
        if (order.command === 'steer') words.push(order.text)
        await worker.state({ type: 'run.delivered', data: { outcome: 'done', usage: NO_USAGE } })
        return 0
      },
    ]
    const specId = await fleet.submit({ kind: 'prompt', text: 'steer me', taskId: 'steer-me' })
    const facts = fleet.factsOf(specId)
    await facts.until('run.ready')
    await fleet.api('command', { command: 'steer', specId, text: 'to the left' })
    await facts.until('run.settled')
    expect(words).toEqual(['to the left'])
  })

  test('is refused what makes no sense, with the reason', async () => {
    expect(await fleet.api('command', { command: 'pause', specId: 'nobody' })).toMatchObject({
      ok: false,
      error: { code: 'spec.unknown' },
    })
    expect(await fleet.api('command', { command: 'dance', specId: 'nobody' })).toMatchObject({
      ok: false,
      error: { code: 'request.malformed' },
    })
    expect(await fleet.api('get', { id: 'nobody' })).toMatchObject({ ok: false, error: { code: 'spec.unknown' } })
  })
})
