import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { callTool, replyByPlan, startFakeMessagesApi } from '@specfleet/testkit'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { samplePlan } from '../../packages/shared/src/planning/sample-plan.fixture.ts'
import { WorkerHost } from './worker-host.ts'
import { shippedWorker } from './worker-process.ts'
import { sampleSource } from './worker-source.ts'

/** The shipped worker where something is wrong around it. */

let worker: Awaited<ReturnType<typeof shippedWorker>>
let source: Awaited<ReturnType<typeof sampleSource>>
beforeAll(async () => {
  worker = await shippedWorker()
  source = await sampleSource()
})
afterAll(() => worker[Symbol.asyncDispose]())

type Script = Parameters<typeof startFakeMessagesApi>[0]
async function host(script: Script = ({ nth }) => callTool(nth, 'read', { file_path: 'package.json' })) {
  const api = await startFakeMessagesApi(script)
  const started = await WorkerHost.start({ worker, api, source })
  onTestFinished(async () => {
    await started[Symbol.asyncDispose]()
    await api[Symbol.asyncDispose]()
  })
  return { fleet: started, api }
}

describe('a refusal', () => {
  it.each<[string, Record<string, string | undefined>, RegExp]>([
    ['contradictory variables', { TICKET_ID: 'TKT-001' }, /TICKET_ID.*SPEC_PHASE/],
    ['a malformed context', { PHASE_CONTEXT_B64: '%%%' }, /PHASE_CONTEXT_B64/],
    ['a ticket', { SPEC_PHASE: undefined, TICKET_ID: 'TKT-001' }, /TKT-001/],
  ])('of %s ends with 78 and one sentence on stderr and in the trace', async (_, variables, sentence) => {
    const { fleet } = await host()
    const process = await fleet.spawn(variables)
    const { code, stderr } = await process.exited
    expect(code).toBe(78)
    expect(stderr.trimEnd().split('\n')).toEqual([expect.stringMatching(sentence)])
    await expect.poll(() => fleet.traces.at(-1)).toMatchObject({ type: 'log.line', data: { level: 'error' } })
    expect((await fleet.facts()).map(({ type }) => type)).not.toContain('run.delivered')
  })
})

describe('the bus', () => {
  it('that is not there ends the worker with 69, once its patience is over', async () => {
    const { fleet } = await host()
    const env = await fleet.birth({ BUS_URL: 'nats://127.0.0.1:9', BUS_CUT_LIMIT: '0.3' })
    const { code, stderr } = await fleet.launch(env).exited
    expect(code).toBe(69)
    expect(stderr).toMatch(/cannot be reached/)
  })

  it('that refuses the credentials ends it with 78', async () => {
    const { fleet } = await host()
    const env = await fleet.birth({ BUS_CREDS_B64: Buffer.from('nothing').toString('base64') })
    expect((await fleet.launch(env).exited).code).toBe(78)
  })

  it('that goes away for longer than the limit ends it with 69', async () => {
    const { fleet } = await host()
    const process = await fleet.spawn({ BUS_CUT_LIMIT: '1' })
    await fleet.until('phase.started')
    await fleet.nats.kill9()
    expect(await process.exited).toMatchObject({ code: 69, stderr: expect.stringContaining('away for too long') })
  })

  it('that comes back in time costs the run nothing', async () => {
    const { fleet } = await host((request) => replyByPlan(samplePlan(), request))
    const process = await fleet.spawn()
    await fleet.until('phase.completed', 2)
    await fleet.nats.restart()
    expect((await process.exited).code).toBe(0)
    expect(Object.keys((await fleet.state()).results)).toHaveLength(5)
  })

  it('is reached through a unix socket, also when its forwarder is started again', async () => {
    const { fleet } = await host((request) => replyByPlan(samplePlan(), request))
    const folder = await mkdtemp(join(tmpdir(), 'specfleet-wire-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const path = join(folder, 'bus.sock')
    const first = await forward(path, fleet.nats.port)
    const process = await fleet.spawn({ BUS_URL: `unix:${path}` })
    await fleet.until('phase.completed')
    first[Symbol.dispose]()
    using _second = await forward(path, fleet.nats.port)
    expect(await process.exited).toMatchObject({ code: 0 })
    expect(Object.keys((await fleet.state()).results)).toHaveLength(5)
  })
})

describe('credentials', () => {
  it('given by a file are nowhere to be read once the worker runs', async () => {
    const { fleet } = await host()
    const env = await fleet.birth()
    const folder = await mkdtemp(join(tmpdir(), 'specfleet-env-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const file = join(folder, 'env.json')
    await writeFile(file, JSON.stringify(env), { mode: 0o600 })
    const process = fleet.launch({ SPECFLEET_ENV_FILE: file })
    await fleet.until('run.ready')
    await expect(readFile(file)).rejects.toMatchObject({ code: 'ENOENT' })
    expect(await readFile(`/proc/${process.pid}/environ`, 'utf8')).not.toContain('BUS_CREDS')
    expect(await readFile(`/proc/${process.pid}/cmdline`, 'utf8')).not.toContain(env.BUS_CREDS_B64)
    await process.end()
  })
})

/** What carries the bus into a sandbox: a socket whose bytes go to the server. */
async function forward(path: string, port: number): Promise<Disposable> {
  const open = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    near.pipe(far).pipe(near)
    for (const socket of [near, far]) {
      open.add(socket)
      socket.on('error', () => near.destroy())
      socket.on('close', () => {
        near.destroy()
        far.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  return {
    [Symbol.dispose]: () => {
      server.close()
      for (const socket of open) socket.destroy()
    },
  }
}
