import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createOperatorKit, newId, runIdOf, SpecId, sandboxIdOf, TaskId } from '../../packages/shared/src/index.ts'
import { type Fleet, startFleet } from '../../packages/testkit/src/fleet.ts'
import { runCommand } from './command-line.ts'

const ORCHESTRATOR = fileURLToPath(new URL('../../packages/orchestrator/src/main.ts', import.meta.url))

let fleet: Fleet
beforeAll(async () => {
  fleet = await startFleet()
})
afterAll(async () => {
  await using ended = fleet
  await ended.endInOrder()
})
beforeEach(({ onTestFailed }) => onTestFailed(() => fleet.printLogs()))

/** A process of ours, without a terminal. */
async function run(file: string, env: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, [file], { env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  const [[code], stderr] = await Promise.all([once(child, 'close'), text(child.stderr), text(child.stdout)])
  return { code, stderr }
}

type BadBus = AsyncDisposable & { readonly url: string }

/** A port that nobody listens on. */
async function nobody(): Promise<BadBus> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = urlOf(server.address())
  server.close()
  await once(server, 'close')
  return { url, [Symbol.asyncDispose]: async () => undefined }
}

/** The first words of a server of Debian stable, which is too old, and what it answers to a ping. */
async function oldServer(): Promise<BadBus> {
  const info = { server_id: 'OLD', version: '2.9.10', proto: 1, max_payload: 1_048_576, headers: true, jetstream: true }
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    socket.on('data', (bytes) => bytes.includes('PING') && socket.write('PONG\r\n'))
    socket.write(`INFO ${JSON.stringify(info)}\r\n`)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: urlOf(server.address()),
    async [Symbol.asyncDispose]() {
      server.close()
      await once(server, 'close')
    },
  }
}

function urlOf(address: ReturnType<ReturnType<typeof createServer>['address']>): string {
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return `nats://127.0.0.1:${address.port}`
}

test.each<[string, number, RegExp, () => Promise<BadBus>]>([
  ['not reachable', 69, /the bus cannot be reached.*check NATS_URL/s, nobody],
  ['too old', 78, /the NATS server is too old.*2\.9\.10.*use nats-server 2\.12 or newer/s, oldServer],
])('a bus that is %s: a sentence with what to do, and exit code %i', async (_, code, sentence, start) => {
  await using bus = await start()
  const command = await runCommand(['list'], { ...fleet.cliEnv, NATS_URL: bus.url })
  expect(command).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(sentence) })
  const orchestrator = await run(ORCHESTRATOR, { ...fleet.orchestratorEnv, NATS_URL: bus.url })
  expect(orchestrator).toMatchObject({ code, stderr: expect.stringMatching(sentence) })
})

test('credentials that the bus does not know: a sentence with what to do, and exit code 78', async () => {
  const stranger = createOperatorKit(new Date())
  const [client, app] = [join(fleet.home, 'stranger.creds'), join(fleet.home, 'stranger-app.creds')]
  await writeFile(client, stranger.clientCreds)
  await writeFile(app, stranger.orchestratorCreds)
  const sentence = /the bus refused the credentials.*check NATS_CREDS/s
  const command = await runCommand(['list'], { ...fleet.cliEnv, NATS_CREDS: client })
  expect(command).toMatchObject({ code: 78, stdout: '', stderr: expect.stringMatching(sentence) })
  const orchestrator = await run(ORCHESTRATOR, { ...fleet.orchestratorEnv, NATS_CREDS: app })
  expect(orchestrator).toMatchObject({ code: 78, stderr: expect.stringMatching(sentence) })
})

test('without the operator key no orchestrator starts', async () => {
  const { NATS_OPERATOR_SEED_FILE: _, ...env } = fleet.orchestratorEnv
  const orchestrator = await run(ORCHESTRATOR, env)
  expect(orchestrator).toMatchObject({ code: 78, stderr: expect.stringMatching(/the operator signing key is missing/) })
})

test.each<[string, Record<string, string>, RegExp]>([
  ['a context that is no base64', { PHASE_CONTEXT_B64: '%%%' }, /PHASE_CONTEXT_B64 cannot be read: it is not base64/],
  [
    'a context that is no object',
    { PHASE_CONTEXT_B64: Buffer.from('[1]').toString('base64') },
    /PHASE_CONTEXT_B64 cannot be read: its content is no JSON object/,
  ],
  ['a ticket and a phase', { TICKET_ID: 'T-1' }, /TICKET_ID is T-1.*SPEC_PHASE is design/],
  ['a plan that is to change the source', { EXECUTION_MODE: 'implementation' }, /EXECUTION_MODE is implementation/],
  ['an unknown phase', { SPEC_PHASE: 'guess' }, /SPEC_PHASE/],
])('a worker born with %s: exit code 78 and one sentence', async (_, variables, sentence) => {
  const bundles = join(fleet.home, 'fleet', 'worker')
  const [bundle = ''] = await readdir(bundles)
  const taskId = TaskId.parse(newId())
  const [specId, runId] = [SpecId.parse(taskId), runIdOf(taskId)]
  const expiresAt = new Date(Date.now() + 60_000)
  const { account, creds } = await fleet.mint.mint({ specId, runId, epoch: 1 }, { expiresAt })
  const born = {
    SPEC_ID: specId,
    SPEC_PHASE: 'design',
    PROJECT_ID: 'shop',
    TASK_ID: taskId,
    RUN_ID: runId,
    RUN_EPOCH: '1',
    SANDBOX_ID: sandboxIdOf(runId, 1),
    BUS_URL: fleet.nats.url,
    BUS_CREDS_B64: Buffer.from(creds).toString('base64'),
    MODEL: 'claude-sonnet-5-5',
    WORKSPACE: fleet.home,
  }
  const { code, stderr } = await run(join(bundles, bundle), { ...born, ...variables })
  expect(code).toBe(78)
  expect(stderr.trim().split('\n')).toEqual([expect.stringMatching(sentence)])
  await fleet.mint.revoke(account)
})
