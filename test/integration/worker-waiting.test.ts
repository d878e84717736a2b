/** The shipped worker as a process that is booted before there is work for it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readlinkSync } from 'node:fs'
import { mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { PHASES, WAITING_WORKER, WORKER_EXIT } from '@specfleet/shared'
import { replyByPlan, startFakeMessagesApi } from '@specfleet/testkit'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { samplePlan } from '../../packages/shared/src/planning/sample-plan.fixture.ts'
import { startRelay } from './unix-relay.ts'
import { WorkerHost } from './worker-host.ts'
import { type ShippedWorker, shippedWorker } from './worker-process.ts'
import { sampleSource } from './worker-source.ts'

let worker: Awaited<ReturnType<typeof shippedWorker>>
beforeAll(async () => {
  worker = await shippedWorker()
})
afterAll(() => worker[Symbol.asyncDispose]())

/** Started as an engine does it, with nothing said to it yet. */
function startWaiting({ path, cache }: ShippedWorker, ...wire: string[]) {
  const child = spawn(process.execPath, [path, WAITING_WORKER.flag, ...wire], {
    env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: cache, SPECFLEET_ENV_FILE: '/proc/self/fd/0' },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let stderr = ''
  child.stderr.on('data', (chunk) => {
    stderr += String(chunk)
  })
  const exited = once(child, 'close').then(([code]) => ({ code, stderr }))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exited
  })
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const hear = async () => (await lines.next()).value
  return { pid: child.pid ?? 0, tell: (text: string) => child.stdin.end(text), hear, exited }
}

describe('a worker that waits', () => {
  it('takes one environment, and then does its run like any other', async () => {
    const source = await sampleSource()
    const api = await startFakeMessagesApi((request) => replyByPlan(samplePlan(), request))
    const host = await WorkerHost.start({ worker, api, source, blobs: new Map(), task: {} })
    onTestFinished(async () => {
      await host[Symbol.asyncDispose]()
      await api[Symbol.asyncDispose]()
    })
    const waiting = startWaiting(worker)
    expect(await waiting.hear()).toBe(WAITING_WORKER.waiting)
    waiting.tell(`${JSON.stringify(await host.birth())}\n`)
    expect(await waiting.hear()).toBe(WAITING_WORKER.taken)
    expect(await waiting.exited).toEqual({ code: 0, stderr: '' })
    const state = await host.state()
    expect(Object.keys(state.results).toSorted()).toEqual([...PHASES].toSorted())
    expect(state.refused.count).toBe(0)
  })

  it('waits for its way to the bus, which is made when it has taken its run', async () => {
    const source = await sampleSource()
    const api = await startFakeMessagesApi((request) => replyByPlan(samplePlan(), request))
    const host = await WorkerHost.start({ worker, api, source, blobs: new Map(), task: {} })
    const wire = await mkdtemp(join(tmpdir(), 'specfleet-wire-'))
    const socket = join(wire, 'bus.sock')
    onTestFinished(async () => {
      await host[Symbol.asyncDispose]()
      await api[Symbol.asyncDispose]()
      await rm(wire, { recursive: true })
    })
    const waiting = startWaiting(worker, wire)
    await waiting.hear()
    waiting.tell(`${JSON.stringify(await host.birth({ BUS_URL: `unix:${socket}` }))}\n`)
    expect(await waiting.hear()).toBe(WAITING_WORKER.taken)
    await using relay = await startRelay(`${socket}.part`, host.nats.port)
    await rename(`${socket}.part`, socket)
    expect(await waiting.exited).toEqual({ code: 0, stderr: '' })
    expect(relay.connections).toBe(1)
    expect((await host.state()).refused.count).toBe(0)
  })

  it('has no connection while it waits', async () => {
    const waiting = startWaiting(worker)
    await waiting.hear()
    const open = readdirSync(`/proc/${waiting.pid}/fd`).map((fd) => readlinkSync(`/proc/${waiting.pid}/fd/${fd}`))
    // Its three standard streams are sockets of whoever started it.
    expect(open.filter((target) => target.startsWith('socket:')).length).toBeLessThanOrEqual(3)
    waiting.tell('')
    await waiting.exited
  })

  it('ends when its wire is taken away, whatever becomes of its input', async () => {
    const wire = await mkdtemp(join(tmpdir(), 'specfleet-wire-'))
    const waiting = startWaiting(worker, wire)
    expect(await waiting.hear()).toBe(WAITING_WORKER.waiting)
    await rm(wire, { recursive: true })
    expect(await waiting.hear()).toBeUndefined()
    expect(await waiting.exited).toMatchObject({ code: WORKER_EXIT.unborn })
  })

  it.each([
    ['nothing', '', WORKER_EXIT.unborn],
    ['half of one', '{"SPEC_ID":"orders","RUN', WORKER_EXIT.unborn],
    ['nonsense', 'nonsense\n', WORKER_EXIT.configuration],
    ['one without a way to the bus', '{"SPEC_ID":"orders"}\n', WORKER_EXIT.configuration],
  ])('ends when it is told %s, without having taken it', async (_, text, code) => {
    const waiting = startWaiting(worker)
    expect(await waiting.hear()).toBe(WAITING_WORKER.waiting)
    waiting.tell(text)
    expect(await waiting.hear()).toBeUndefined()
    expect(await waiting.exited).toMatchObject({ code })
  })
})
