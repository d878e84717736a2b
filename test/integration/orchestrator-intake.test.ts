import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import {
  BUCKETS,
  type DeadLetter,
  listDead,
  OrchestratorId,
  openBlobs,
  openRecords,
  openTaskQueue,
  RunRecord,
  TaskInput,
  withIds,
} from '@specfleet/shared'
import { afterAll, describe, expect, test } from 'vitest'
import { claimOf } from '../../packages/orchestrator/src/intake/admission.ts'
import { openSources } from '../../packages/orchestrator/src/source/source.ts'
import { claimedBy } from '../../packages/orchestrator/src/supervisor/transitions.ts'
import { deliver } from '../../packages/testkit/src/scripted-worker.ts'
import { startFleet } from './orchestrator-fleet.ts'

const fleet = await startFleet({ scriptOf: () => deliver })
await fleet.join()
const folder = await mkdtemp(join(tmpdir(), 'specfleet-sources-'))
const queue = await openTaskQueue(fleet.bus)
afterAll(async () => {
  await fleet[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

const git = (cwd: string, ...args: string[]) =>
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], { cwd, encoding: 'utf8' }).trim()

async function repository(name: string, files: Record<string, string> = { 'README.md': name }): Promise<string> {
  const path = join(folder, name)
  await mkdir(path)
  git(path, 'init', '-q', '-b', 'main')
  for (const [file, content] of Object.entries(files)) await writeFile(join(path, file), content)
  if (Object.keys(files).length > 0) {
    git(path, 'add', '.')
    git(path, 'commit', '-q', '-m', 'first')
  }
  return path
}

/** Resolves when the queue has handed a task out and somebody has dealt with it. */
const handled = (subject: string) =>
  new Promise<Record<string, unknown>>((resolve) => {
    const known = fleet.logged.length
    fleet.onLog((event) => {
      if (event.event === 'task.handled' && event.subject === subject && fleet.logged.length > known) resolve(event)
    })
  })

async function buried(subject: string, data: string | Uint8Array): Promise<DeadLetter | undefined> {
  const done = handled(subject)
  await queue.publish(subject, data)
  await done
  const [newest] = await listDead(fleet.bus, { limit: 1 })
  return newest
}

test('of fifty who claim a run exactly one wins', async () => {
  const records = await openRecords(fleet.bus, BUCKETS.runs, RunRecord)
  const claimant = (n: number) => OrchestratorId.parse(`claimant-${n}`)
  const stamp = { now: new Date(), foldedTo: 0 }
  const task = withIds(TaskInput.parse({ kind: 'prompt', text: 'x', taskId: 'contended', specId: 'contended' }), () => {
    throw new Error('it has an id')
  })
  const claims = Array.from({ length: 50 }, (_, n) =>
    records.create('contended', claimedBy(claimOf(task, null, 1, new Date()), claimant(n), stamp)),
  )
  const winners = (await Promise.all(claims)).filter((claim) => claim !== 'exists')
  expect(winners).toHaveLength(1)
  expect((await records.get('contended'))?.value).toEqual(winners[0]?.value)
})

test('a task that comes twice runs once, and the second sender is told how it stands', async () => {
  const task: TaskInput = { kind: 'prompt', text: 'once', taskId: 'once', specId: 'once' }
  await fleet.submit(task)
  const facts = fleet.factsOf('once')
  await facts.until('run.settled')
  await fleet.engine.untilGone('once')
  const again = handled('sf.task.normal.prompt')
  await queue.publish('sf.task.normal.prompt', JSON.stringify(task))
  expect(await again).toMatchObject({ outcome: 'duplicate', state: 'settled' })
  expect(await fleet.api('submit', task)).toMatchObject({ ok: true, state: 'settled', runId: 'once' })
  expect(facts.types().filter((type) => type === 'run.claimed')).toHaveLength(1)
})

test('a spec is seen while its task waits, and told why when the task is refused in the end', async () => {
  await using full = await startFleet({ scriptOf: () => deliver })
  const waiting = await full.join({ slots: 0 })
  const path = await repository('short-lived')
  await full.submit({ kind: 'spec', text: '# Waiting', taskId: 'later', specId: 'patient' })
  await full.submit({ kind: 'spec', text: '# Doomed', taskId: 'never', specId: 'unlucky', source: { git: path } })
  const { specs } = await full.api('list', { what: 'specs' })
  expect(specs).toMatchObject([
    { specId: 'unlucky', lifecycle: 'backlog' },
    { specId: 'patient', lifecycle: 'backlog', title: 'Waiting', runs: 0 },
  ])

  await rm(path, { recursive: true })
  await waiting[Symbol.asyncDispose]()
  await full.join({ slots: 1 })
  const failed = await full.factsOf('unlucky').until('spec.failed')
  expect(failed.data.reason).toContain(path)
  const patient = full.factsOf('patient')
  await patient.until('run.parked')
  expect(patient.types().filter((type) => type === 'spec.submitted')).toHaveLength(1)
})

describe('the dead letters keep whole, with the reason,', () => {
  test.each<[string, string, string, string]>([
    ['what is no JSON', 'sf.task.normal.spec', 'not json {', 'task.not-json'],
    ['a malformed task', 'sf.task.normal.spec', '{"kind":"spec"}', 'task.malformed'],
    ['an unknown kind', 'sf.task.normal.dance', '{"kind":"dance","text":"x"}', 'task.malformed'],
    [
      'a kind that is still to come',
      'sf.task.low.validate',
      '{"kind":"validate","text":"x","priority":"low"}',
      'task.unsupported',
    ],
    ['another version', 'sf.task.normal.spec', '{"v":9,"kind":"spec","text":"x"}', 'task.version'],
    ['a task on a wrong subject', 'sf.task.high.spec', '{"kind":"spec","text":"x"}', 'task.subject'],
    ['a spec without text', 'sf.task.normal.spec', '{"kind":"spec","specId":"never-heard-of"}', 'spec.text-missing'],
    [
      'a provider that is not there',
      'sf.task.normal.spec',
      '{"kind":"spec","text":"x","provider":"abacus"}',
      'provider.unknown',
    ],
    [
      'a source that is not there',
      'sf.task.normal.spec',
      '{"kind":"spec","text":"x","source":{"git":"/no/such/path"}}',
      'source.not-found',
    ],
  ])('%s', async (_name, subject, data, code) => {
    const letter = await buried(subject, data)
    expect(letter).toMatchObject({ subject, error: { code } })
    expect(Buffer.from(letter?.data ?? []).toString()).toBe(data)
  })

  test('and whoever asks for such a task later is told why', async () => {
    await buried('sf.task.normal.spec', '{"kind":"spec","text":"x","taskId":"doomed","source":{"git":"/no/such/path"}}')
    expect(await fleet.api('get', { id: 'doomed' })).toMatchObject({ ok: false, error: { code: 'source.not-found' } })
  })
})

describe('who submits is told at once of', () => {
  test.each<[string, () => Promise<unknown>, string]>([
    ['a malformed task', async () => ({ kind: 'spec' }), 'task.malformed'],
    ['a binary', async () => ({ kind: 'spec', text: '\0\0' }), 'spec.binary'],
    [
      'a path that is no repository',
      async () => ({ kind: 'spec', text: 'x', source: { git: folder } }),
      'source.not-a-repository',
    ],
    [
      'an empty repository',
      async () => ({ kind: 'spec', text: 'x', source: { git: await repository('empty', {}) } }),
      'source.empty',
    ],
    [
      'an unknown ref',
      async () => ({ kind: 'spec', text: 'x', source: { git: await repository('reffed'), ref: 'nope' } }),
      'source.ref-unknown',
    ],
    [
      'a folder inside a repository',
      async () => {
        const path = await repository('outer')
        await mkdir(join(path, 'inner'))
        return { kind: 'spec', text: 'x', source: { git: join(path, 'inner') } }
      },
      'source.not-a-repository',
    ],
  ])('%s', async (_name, task, code) => {
    expect(await fleet.api('submit', await task())).toMatchObject({ ok: false, error: { code } })
  })
})

describe('a source', () => {
  test('reaches the run as a bundle that can be cloned', async () => {
    const path = await repository('cloned', { 'a.txt': 'alpha' })
    await fleet.submit({ kind: 'prompt', text: 'x', taskId: 'sourced', specId: 'sourced', source: { git: path } })
    await fleet.factsOf('sourced').until('run.spawned')
    const record = await (await openRecords(fleet.bus, BUCKETS.runs, RunRecord)).get('sourced')
    const source = record?.value.source
    expect(source).toMatchObject({ commit: git(path, 'rev-parse', 'HEAD'), branch: 'main' })
    if (source === null || source === undefined) return expect.unreachable('it has a source')
    const blob = await (await openBlobs(fleet.bus)).get(source.sha256)
    const bundle = join(folder, 'cloned.bundle')
    await writeFile(bundle, new Uint8Array(await new Response(blob?.stream).arrayBuffer()))
    git(folder, 'clone', '-q', bundle, 'clone-of-it')
    expect(git(join(folder, 'clone-of-it'), 'show', 'HEAD:a.txt')).toBe('alpha')
    expect(git(path, 'status', '--porcelain')).toBe('')
  })

  test('of a shallow clone is its one commit', async () => {
    const path = await repository('deep')
    git(path, 'commit', '-q', '--allow-empty', '-m', 'second')
    git(folder, 'clone', '-q', '--depth', '1', `file://${path}`, 'shallow')
    const sources = await sourcesUpTo(1_000_000)
    const source = await sources.fetch({ git: join(folder, 'shallow') }, new AbortController().signal)
    const blob = await (await openBlobs(fleet.bus)).get(source.sha256)
    await writeFile(join(folder, 'shallow.bundle'), new Uint8Array(await new Response(blob?.stream).arrayBuffer()))
    git(folder, 'clone', '-q', 'shallow.bundle', 'from-shallow')
    expect(git(join(folder, 'from-shallow'), 'log', '--format=%s')).toBe('second')
  })

  test('that is too large is refused, by its size on disk and by what comes over the wire', async () => {
    const noise = Buffer.from(crypto.getRandomValues(new Uint8Array(60_000))).toString('base64')
    const path = await repository('large', { noise })
    await using daemon = await serveGit(folder)
    const { signal } = new AbortController()
    const small = await sourcesUpTo(20_000)
    const tooLarge = { code: 'source.too-large' }
    await expect(small.check({ git: path }, signal)).rejects.toMatchObject(tooLarge)
    await expect(small.fetch({ git: path }, signal)).rejects.toMatchObject(tooLarge)
    await expect(small.fetch({ git: `${daemon.url}/large` }, signal)).rejects.toMatchObject(tooLarge)
  })

  test('that is slow to fetch keeps nobody who submits waiting', async () => {
    await using mute = await muteHost(4)
    const path = await repository('quick')
    const stop = new AbortController()
    const sources = await sourcesUpTo(1_000_000)
    const slow = Array.from({ length: 5 }, () => sources.fetch({ git: mute.url }, stop.signal))
    const ended = Promise.allSettled(slow)
    await mute.reached
    await sources.check({ git: path }, AbortSignal.timeout(10_000))
    stop.abort(new Error('enough'))
    expect((await ended).map(({ status }) => status)).toEqual(Array(5).fill('rejected'))
  })

  test('is fetched from a URL, by branch, tag or commit, or refused for what is wrong with it', async () => {
    const path = await repository('remote')
    git(path, 'tag', 'v1')
    git(path, 'commit', '-q', '--allow-empty', '-m', 'second')
    const [first, second] = [git(path, 'rev-parse', 'v1'), git(path, 'rev-parse', 'HEAD')]
    await repository('remote-empty', {})
    await using daemon = await serveGit(folder)
    const { signal } = new AbortController()
    const sources = await sourcesUpTo(1_000_000)
    const fetch = (name: string, ref?: string) =>
      sources.fetch({ git: `${daemon.url}/${name}`, ...(ref === undefined ? {} : { ref }) }, signal)
    expect(await fetch('remote')).toMatchObject({ commit: second, branch: 'main' })
    expect(await fetch('remote', 'v1')).toMatchObject({ commit: first })
    expect(await fetch('remote', second)).toMatchObject({ commit: second })
    await expect(fetch('remote', 'nope')).rejects.toMatchObject({ code: 'source.ref-unknown' })
    await expect(fetch('remote-empty')).rejects.toMatchObject({ code: 'source.empty' })
    await expect(fetch('not-there')).rejects.toMatchObject({ code: 'source.unreachable' })
  })
})

const sourcesUpTo = async (maxBytes: number) =>
  openSources({ blobs: await openBlobs(fleet.bus) }, { env: { PATH: process.env.PATH ?? '' }, maxBytes })

/** A git server on a port of its own, for every repository in a folder. */
async function serveGit(base: string): Promise<AsyncDisposable & { url: string }> {
  const port = await freePort()
  const options = ['--verbose', '--export-all', '--listen=127.0.0.1', `--port=${port}`, `--base-path=${base}`]
  const daemon = spawn('git', ['-c', 'uploadpack.allowAnySHA1InWant=true', 'daemon', ...options], {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  })
  const exited = once(daemon, 'exit')
  for await (const line of createInterface({ input: daemon.stderr })) if (line.includes('Ready to rumble')) break
  return {
    url: `git://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      if (daemon.pid !== undefined) process.kill(-daemon.pid, 'SIGTERM')
      await exited
    },
  }
}

/** Takes connections and answers nothing; `reached` once so many came. */
async function muteHost(wanted: number): Promise<AsyncDisposable & { url: string; reached: Promise<void> }> {
  const reached = Promise.withResolvers<void>()
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => socket.destroy()))
    if (sockets.size >= wanted) reached.resolve()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    url: `git://127.0.0.1:${port}/mute`,
    reached: reached.promise,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}
