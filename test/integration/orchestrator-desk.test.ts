import { createHash } from 'node:crypto'
import { NO_USAGE, openBlobs } from '@specfleet/shared'
import { startFakeMessagesApi } from '@specfleet/testkit'
import { afterAll, describe, expect, test } from 'vitest'
import { anthropicUpstream } from '../../packages/orchestrator/src/gateway/upstreams/anthropic/anthropic-upstream.ts'
import type { Script, ScriptedWorker } from '../../packages/testkit/src/scripted-worker.ts'
import { startFleet } from './orchestrator-fleet.ts'

const api = await startFakeMessagesApi((request) =>
  request.body.model === 'stalls'
    ? { kind: 'stall', content: [{ type: 'text', text: 'never' }] }
    : { kind: 'message', content: [{ type: 'text', text: 'hello' }], usage: { input: 1_000, output: 10 } },
)
const KEY = 'sk-the-real-key'
/** What a worker of a task does, by the task's id. */
const scripts = new Map<string, Script>()
const idle: Script = async () => 0
const fleet = await startFleet({
  scriptOf: ({ labels }) => scripts.get(labels.runId) ?? idle,
  upstream: anthropicUpstream({ baseUrl: api.url, key: KEY }),
})
await fleet.join()
afterAll(async () => {
  await fleet[Symbol.asyncDispose]()
  await api[Symbol.asyncDispose]()
})

let made = 0
/** Runs something inside a sandbox of a new run, and resolves with what came of it. */
function inSandbox<T>(work: (worker: ScriptedWorker) => Promise<T>, projectId = 'default'): Promise<T> {
  const id = `desk-${++made}`
  return new Promise((resolve, reject) => {
    scripts.set(id, async (worker) => {
      worker.beat()
      await worker.state({ type: 'run.ready', data: { bootMs: 1, worker: 'scripted', path: 'plain' } })
      await work(worker).then(resolve, reject)
      await worker.state({ type: 'run.delivered', data: { outcome: 'done', usage: NO_USAGE } })
      return 0
    })
    fleet.submit({ kind: 'prompt', text: `ask ${id}`, taskId: id, specId: id, projectId }).catch(reject)
  })
}

const CALL = { method: 'POST', path: '/v1/messages?beta=true', headers: { 'content-type': 'application/json' } }
const bodyFor = (model: string) => Buffer.from(JSON.stringify({ model, stream: true, messages: [] }))

describe('a model call', () => {
  test('reaches the provider with the real key and without the sandbox’s own, and streams back', async () => {
    const headers = { ...CALL.headers, authorization: 'Bearer from-the-sandbox', 'anthropic-beta': 'some', cookie: 'x' }
    const answer = await inSandbox((worker) => worker.ask('model', { ...CALL, headers }, bodyFor('claude-sonnet-5-5')))
    const request = api.requests.at(-1)
    expect(request).toMatchObject({ method: 'POST', path: '/v1/messages?beta=true' })
    expect(request?.headers).toMatchObject({ authorization: `Bearer ${KEY}`, 'anthropic-beta': 'some' })
    expect(JSON.stringify(request?.headers)).not.toContain('from-the-sandbox')
    expect(request?.headers).not.toHaveProperty('cookie')
    expect(answer.meta).toMatchObject({
      status: 200,
      headers: { 'x-specfleet-upstream': expect.stringContaining('anthropic') },
    })
    expect(Buffer.from(answer.body).toString()).toContain('message_stop')
  })

  test('of a client that says x-api-key gets the key there', async () => {
    const headers = { ...CALL.headers, 'X-Api-Key': 'from-the-sandbox' }
    await inSandbox((worker) => worker.ask('model', { ...CALL, headers }, bodyFor('claude-sonnet-5-5')))
    expect(api.requests.at(-1)?.headers).toMatchObject({ 'x-api-key': KEY })
    expect(api.requests.at(-1)?.headers).not.toHaveProperty('authorization')
  })

  test('is counted with what it cost', async () => {
    const called = new Promise<Record<string, unknown>>((resolve) =>
      fleet.onLog((event) => event.event === 'model.called' && event.runId === `desk-${made}` && resolve(event)),
    )
    await inSandbox((worker) => worker.ask('model', CALL, bodyFor('claude-sonnet-5-5')))
    expect(await called).toMatchObject({ input: 1_000, output: 10, status: 200, ended: true })
  })

  test('that the sandbox gives up is given up at the provider', async () => {
    const before = api.requests.length
    await inSandbox(async (worker) => {
      void worker.ask('model', CALL, bodyFor('stalls')).catch(() => 'cut off with its sandbox')
      await api.received(before + 1)
    })
    const given = await new Promise<Record<string, unknown>>((resolve) =>
      fleet.onLog((event) => event.event === 'model.called' && event.ended === false && resolve(event)),
    )
    expect(given.runId).toBe(`desk-${made}`)
  })

  test.each([
    ['POST', '/v1/files'],
    ['GET', '/v1/organizations/usage'],
    ['DELETE', '/v1/messages'],
    ['POST', '/v1/messages/../files'],
  ])('may not be %s %s: a key opens more doors than a sandbox may use', async (method, path) => {
    const before = api.requests.length
    const refused = inSandbox((worker) => worker.ask('model', { method, path, headers: {} }))
    await expect(refused).rejects.toMatchObject({ code: 'desk.forbidden' })
    expect(api.requests).toHaveLength(before)
  })
})

describe('blobs', () => {
  test('come back only to the run they were given to', async () => {
    const { sha256 } = await (await openBlobs(fleet.bus)).put(Buffer.from('a secret of another run'))
    const refused = inSandbox((worker) => worker.ask('blob', { op: 'get', sha256 }))
    await expect(refused).rejects.toMatchObject({ code: 'desk.forbidden' })
  })

  test('are kept under their hash, and not at all under another', async () => {
    const content = Buffer.from('what I found')
    const sha256 = createHash('sha256').update(content).digest('hex')
    const put = (name: string, bytes = content.byteLength) =>
      inSandbox((worker) => worker.ask('blob', { op: 'put', sha256: name, bytes }, content))
    await expect(put('0'.repeat(64))).rejects.toMatchObject({ code: 'blob.corrupt' })
    expect((await put(sha256)).meta).toEqual({ sha256, bytes: content.byteLength })
    await expect(put(sha256, 10_000_000)).rejects.toMatchObject({ code: 'blob.too-large' })
  })
})

describe('notes', () => {
  test('outlive the run, and stay in their project', async () => {
    const put = { op: 'put', key: 'layout', text: 'tests are in test/' }
    await inSandbox((worker) => worker.ask('memory', put), 'shop')
    const read = (projectId: string) =>
      inSandbox((worker) => worker.ask('memory', { op: 'get', key: 'layout' }), projectId)
    expect((await read('shop')).meta).toEqual({ text: 'tests are in test/' })
    expect((await read('bank')).meta).toEqual({ text: null })
    expect((await inSandbox((worker) => worker.ask('memory', { op: 'list' }), 'shop')).meta).toEqual({
      keys: ['layout'],
    })
  })

  test('named like what every object has are notes like others', async () => {
    const get = { op: 'get', key: 'constructor' }
    expect((await inSandbox((worker) => worker.ask('memory', get), 'shop')).meta).toEqual({ text: null })
  })
})

test('what makes no sense is refused with the reason, and the next request is served', async () => {
  await expect(inSandbox((worker) => worker.ask('blob', { op: 'dance' }))).rejects.toMatchObject({
    code: 'request.malformed',
  })
  expect((await inSandbox((worker) => worker.resume())).task.text).toMatch(/^ask desk-/)
})
