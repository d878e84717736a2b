/** The shipped worker, started from a snapshot of its own memory as sandboxes start it. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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
beforeAll(async () => {
  shipped = await shippedWorker()
  const snapshot = join(shipped.cache, '..', 'worker.snapshot')
  await run(process.execPath, ['--snapshot-blob', snapshot, '--build-snapshot', shipped.path], {
    env: { SECRET_OF_THE_BUILD: 'seen' },
  })
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

it('draws ids and inboxes of its own, and no two that start from it draw the same', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'specfleet-snapshot-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const said = [await firstWords(folder, 1), await firstWords(folder, 2), await firstWords(folder, 3)]
  for (const drawn of [/^SUB (_INBOX\.\S+?)\.\*/m, /Nats-Msg-Id: ?\S*?(\w{16})\s/, / \S+\.(\w{22})\.\w+ \d+ \d+$/m]) {
    const each = said.map((words) => drawn.exec(words)?.[1])
    expect(each).not.toContain(undefined)
    expect(new Set(each).size, `${drawn}: ${each}`).toBe(said.length)
  }
  // Nothing of the environment that it was made in.
  for (const words of said) expect(words).not.toContain('SECRET_OF_THE_BUILD')
})

/** What a worker says to a server until its first fact. */
async function firstWords(folder: string, number: number): Promise<string> {
  const path = join(folder, `${number}.sock`)
  const { promise: stated, resolve } = Promise.withResolvers<void>()
  let said = ''
  const server = createServer((socket) => {
    socket.write('INFO {"server_id":"s","version":"2.12.0","proto":1,"headers":true,"max_payload":1048576}\r\n')
    socket.setEncoding('latin1').on('error', () => socket.destroy())
    socket.on('data', (chunk: string) => {
      said += chunk
      if (chunk.includes('PING\r\n')) socket.write('PONG\r\n')
      if (said.includes('run.ready')) resolve()
    })
  })
  server.listen(path)
  await once(server, 'listening')
  const process = new WorkerProcess(worker, {
    ...{ SPEC_ID: 'orders', SPEC_PHASE: 'explore', PROJECT_ID: 'shop', TASK_ID: 't', RUN_ID: 't', RUN_EPOCH: '1' },
    ...{ SANDBOX_ID: 't-1', BUS_URL: `unix:${path}`, MODEL: 'none', WORKSPACE: folder },
  })
  await Promise.race([stated, process.exited])
  await process.end()
  server.close()
  return said
}
