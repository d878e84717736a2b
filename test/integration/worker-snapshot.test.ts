/** The shipped worker, started from a snapshot of its own memory as sandboxes start it. */
import { execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { PHASES } from '@specfleet/shared'
import { replyByPlan, startFakeMessagesApi } from '@specfleet/testkit'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { samplePlan } from '../../packages/shared/src/planning/sample-plan.fixture.ts'
import { WorkerHost } from './worker-host.ts'
import { type ShippedWorker, shippedWorker, WorkerProcess } from './worker-process.ts'
import { sampleSource } from './worker-source.ts'

const run = promisify(execFile)

let shipped: Awaited<ReturnType<typeof shippedWorker>>
let worker: ShippedWorker
let content: Buffer
let buildMs: number
const SECRET = randomUUID()
beforeAll(async () => {
  shipped = await shippedWorker()
  const snapshot = join(shipped.cache, '..', 'worker.snapshot')
  const startedAt = performance.now()
  await run(process.execPath, ['--snapshot-blob', snapshot, '--build-snapshot', shipped.path], {
    env: { SECRET_OF_THE_BUILD: SECRET },
  })
  buildMs = performance.now() - startedAt
  content = await readFile(snapshot)
  worker = { ...shipped, flags: ['--snapshot-blob', snapshot] }
})
afterAll(() => shipped[Symbol.asyncDispose]())

it('does its run like one that was started from its source', async () => {
  const source = await sampleSource()
  const api = await startFakeMessagesApi((request) => replyByPlan(samplePlan(), request))
  onTestFinished(() => api[Symbol.asyncDispose]())
  const host = await WorkerHost.start({ worker, api, source, blobs: new Map(), task: {} })
  onTestFinished(() => host[Symbol.asyncDispose]())
  const startedAt = performance.now()
  const process = await host.spawn()
  expect(await process.exited).toEqual({ code: 0, signal: null, stderr: '' })
  const state = await host.state()
  expect(Object.keys(state.results).toSorted()).toEqual([...PHASES].toSorted())
  expect(state.refused.count).toBe(0)
  const ready = (await host.facts()).find(({ type }) => type === 'run.ready')
  // Its clocks began with its process, and not with the snapshot.
  expect(ready?.data).toMatchObject({ bootMs: expect.any(Number) })
  expect(Number(Object(ready?.data).bootMs)).toBeLessThan(performance.now() - startedAt)
  expect(Date.parse(ready?.at ?? '')).toBeGreaterThan(Date.now() - (performance.now() - startedAt) - 1)
})

it('keeps time, also when it is older than the process was of which the snapshot was made', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'specfleet-snapshot-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const path = join(folder, 'bus.sock')
  const enough = Promise.withResolvers<void>()
  let beats = 0
  await using _bus = await listen(path, (said) => {
    beats += said.split('PUB sf.beat.').length - 1
    if (beats >= 3) enough.resolve()
  })
  const child = spawn(process.execPath, [...(worker.flags ?? []), worker.path], {
    env: { SPECFLEET_ENV_FILE: '/proc/self/fd/0' },
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  // What is tried is that time passes.
  await setTimeout(buildMs + 1_500)
  child.stdin.end(JSON.stringify(environmentOf(path, folder)))
  await enough.promise
})

it('draws ids and inboxes of its own, and no two that start from it draw the same', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'specfleet-snapshot-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const said = [await firstWords(folder, 1), await firstWords(folder, 2), await firstWords(folder, 3)]
  for (const drawn of [/^SUB (_INBOX\.\S+?)\.\*/m, /Nats-Msg-Id: ?\S*?(\w{16})\s/, / \S+\.(\w{22})\.\w+ \d+ \d+$/m]) {
    const each = said.map((words) => drawn.exec(words)?.[1])
    expect(each).not.toContain(undefined)
    expect(new Set(each).size, `${drawn}: ${each}`).toBe(said.length)
  }
})

it('has nothing in it of the environment that it was made in', () => {
  expect(content.includes('SECRET_OF_THE_BUILD')).toBe(false)
  expect(content.includes(SECRET)).toBe(false)
})

/** What a worker says to a server until its first fact. */
async function firstWords(folder: string, number: number): Promise<string> {
  const path = join(folder, `${number}.sock`)
  const { promise: stated, resolve } = Promise.withResolvers<void>()
  let said = ''
  await using _bus = await listen(path, (chunk) => {
    said += chunk
    if (said.includes('run.ready')) resolve()
  })
  const process = new WorkerProcess(worker, environmentOf(path, folder))
  await Promise.race([stated, process.exited])
  await process.end()
  return said
}

/** A server that takes in anybody, and answers nothing but pings. */
async function listen(path: string, onSaid: (chunk: string) => void): Promise<AsyncDisposable> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.write('INFO {"server_id":"s","version":"2.12.0","proto":1,"headers":true,"max_payload":1048576}\r\n')
    socket.setEncoding('latin1').on('error', () => socket.destroy())
    socket.on('data', (chunk: string) => {
      if (chunk.includes('PING\r\n')) socket.write('PONG\r\n')
      onSaid(chunk)
    })
  })
  server.listen(path)
  await once(server, 'listening')
  return {
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

const environmentOf = (path: string, folder: string): Record<string, string> => ({
  ...{ SPEC_ID: 'orders', SPEC_PHASE: 'explore', PROJECT_ID: 'shop', TASK_ID: 't', RUN_ID: 't', RUN_EPOCH: '1' },
  ...{ SANDBOX_ID: 't-1', BUS_URL: `unix:${path}`, MODEL: 'none', WORKSPACE: folder },
})
