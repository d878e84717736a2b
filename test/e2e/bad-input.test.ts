import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { listDead, MAX_TASK_TEXT, SpecId, subjects } from '../../packages/shared/src/index.ts'
import { type Fleet, startFleet } from '../../packages/testkit/src/fleet.ts'
import { has, settled } from '../../packages/testkit/src/fleet-waits.ts'
import { runCommand } from './command-line.ts'
import { NOTES_SPEC, repositoryOf, SMALL_SERVICE, serveRepository, type TemporaryRepository } from './repositories.ts'

let fleet: Fleet
let source: TemporaryRepository
beforeAll(async () => {
  fleet = await startFleet({ env: { SOURCE_MAX_MB: '0.02' } })
  source = await repositoryOf(SMALL_SERVICE)
})
afterAll(async () => {
  await using _source = source
  await using ended = fleet
  await ended.endInOrder()
})
beforeEach(({ onTestFailed }) => onTestFailed(() => fleet.printLogs()))

const spec = (specId: string, more: object = {}) => ({
  kind: 'spec',
  specId,
  text: NOTES_SPEC,
  source: { git: source.path },
  ...more,
})

/** Puts bytes on the queue past the API, as any NATS client may, and gives the next letter of the dead. */
async function buried(data: string, subject = 'sf.task.normal.spec') {
  const come = Promise.withResolvers<void>()
  using _dead = fleet.app.subscribe(subjects.deads, () => come.resolve())
  await fleet.app.flush()
  await fleet.client.bus.request(subject, data, { timeoutMs: 5_000 })
  await come.promise
  const [letter] = await listDead(fleet.app, { limit: 1 })
  return letter
}

const BAD_TASKS: [what: string, code: string, data: string][] = [
  ['what is no JSON', 'task.not-json', '{"kind": "spec", '],
  ['no object', 'task.malformed', '42'],
  ['an unknown kind', 'task.malformed', '{"kind":"poem","text":"# A"}'],
  ['a kind that this fleet cannot run', 'task.unsupported', '{"kind":"ticket","ticketId":"T-1","specId":"a"}'],
  ['neither text nor spec', 'task.malformed', '{"kind":"spec"}'],
  ['a hostile id', 'task.malformed', '{"kind":"spec","text":"# A","specId":"a.>"}'],
  ['a text over the limit', 'task.too-large', JSON.stringify({ kind: 'spec', text: 'x'.repeat(MAX_TASK_TEXT + 1) })],
  ['a wrong version', 'task.version', '{"v":2,"kind":"spec","text":"# A"}'],
  ['a binary text', 'spec.binary', JSON.stringify({ kind: 'spec', text: 'PNG\0\u0001\u0002' })],
  ['a spec that has no text', 'spec.text-missing', '{"kind":"spec","specId":"never-heard-of"}'],
  ['a provider that is not here', 'provider.unknown', '{"kind":"spec","text":"# A","provider":"docker"}'],
]

test.each(BAD_TASKS)(
  'a task with %s: refused by the API, and whole in the dead letters by the queue',
  async (_, code, data) => {
    const answer = await fleet.client.bus.request(subjects.api('submit'), data, { timeoutMs: 5_000 })
    expect(answer.json()).toMatchObject({
      ok: false,
      error: { code, message: expect.any(String), next: expect.any(String) },
    })
    const letter = await buried(data)
    expect(letter).toMatchObject({ subject: 'sf.task.normal.spec', reason: code.replaceAll('.', '-'), error: { code } })
    expect(Buffer.from(letter?.data ?? []).toString('utf8')).toBe(data)
  },
)

test('behind dead letters the queue goes on, and the dead are listed', async () => {
  await Promise.all(
    ['not json', '{}', '[]'].map((data) => fleet.client.bus.request('sf.task.high.spec', data, { timeoutMs: 5_000 })),
  )
  await fleet.client.bus.request('sf.task.low.spec', JSON.stringify(spec('behind', { priority: 'low' })), {
    timeoutMs: 5_000,
  })
  expect((await fleet.until('behind', settled)).at(-1)?.data).toMatchObject({ outcome: 'done' })
  const { code, stdout } = await runCommand(['list', 'dead'], fleet.cliEnv)
  expect(code).toBe(0)
  expect(stdout).toContain('task-not-json')
})

test.each<[string, string, () => Promise<TemporaryRepository>]>([
  ['a path that does not exist', 'source.not-found', async () => disposable('/no/such/folder')],
  ['a path that is no repository', 'source.not-a-repository', async () => temporaryFolder()],
  ['a repository without a commit', 'source.empty', () => repositoryOf({}, { commit: false })],
  [
    'a repository over the limit',
    'source.too-large',
    () => repositoryOf({ 'big.bin': randomBytes(30_000).toString('hex') }),
  ],
])('%s is refused before anything is made for it', async (what, code, make) => {
  await using bad = await make()
  const specId = SpecId.parse(what.replaceAll(' ', '-'))
  await expect(fleet.client.submit(spec(specId, { source: { git: bad.path } }))).rejects.toMatchObject({ code })
  const letter = await buried(JSON.stringify(spec(specId, { source: { git: bad.path } })))
  expect(letter).toMatchObject({ error: { code } })
  // Who asks for the spec is told why there is none.
  const { code: exit, stderr } = await runCommand(['show', specId], fleet.cliEnv)
  expect(exit).toBe(2)
  expect(stderr).toContain(`[${code}]`)
  const { runs } = await fleet.client.list('runs', 1000)
  expect(runs?.filter((run) => run.specId === specId)).toEqual([])
})

test('a remote that turns out to be too large fails its spec, and whoever watches is told', async () => {
  await using large = await repositoryOf({ 'big.bin': randomBytes(30_000).toString('hex') })
  await using remote = await serveRepository(large.path)
  const file = join(fleet.home, 'from-afar.md')
  await writeFile(file, NOTES_SPEC)
  const { code, stderr } = await runCommand(['submit', '--spec', file, '--source', remote.url, '--watch'], fleet.cliEnv)
  expect(code).toBe(1)
  expect(stderr).toContain('the run failed: the source is larger than this fleet accepts')
  const { runs } = await fleet.client.list('runs', 1000)
  expect(runs?.filter((run) => run.specId === 'from-afar')).toEqual([])
})

test('a binary spec file is refused by the command line', async () => {
  const file = join(fleet.home, 'picture.md')
  await writeFile(file, randomBytes(2_000))
  const { code, stderr } = await runCommand(['submit', '--spec', file], fleet.cliEnv)
  expect(code).toBe(2)
  expect(stderr).toContain('the spec is not text')
})

test.each<[string, string, object, RegExp]>([
  [
    'contradictory settings',
    'torn',
    { executionConfig: { executionMode: 'implementation' } },
    /SPEC_PHASE is explore.*EXECUTION_MODE is implementation/,
  ],
  [
    'a context that is none',
    'no-context',
    { phase: 'design', context: { explore: { nonsense: true }, requirements: 7 } },
    /PHASE_CONTEXT_B64.*design builds on requirements/,
  ],
])(
  'a task with %s: run.lost with that cause and one sentence, parked without another try',
  async (_, id, more, why) => {
    await fleet.client.submit(spec(id, more))
    const facts = await fleet.until(id, has('run.parked'))
    const lost = facts.filter((fact) => fact.type === 'run.lost')
    expect(lost).toHaveLength(1)
    expect(lost[0]?.data).toMatchObject({ cause: { kind: 'configuration' }, logTail: [expect.stringMatching(why)] })
    expect(facts.filter(({ type }) => type === 'run.fenced')).toHaveLength(1)
  },
)

test('the same task again, behind restarts of NATS and the orchestrator, is the same run', async () => {
  await using own = await startFleet()
  const task = { ...spec('once'), taskId: 'task-once' }
  const first = await own.client.submit(task)
  expect(first.state).toBe('queued')
  const before = await own.until('once', settled)

  await own.members[0]?.term()
  await own.nats.kill9()
  await own.nats.restart()
  await own.join()
  expect(await own.client.submit(task)).toMatchObject({ runId: first.runId, state: 'settled' })
  // Past the API as well, where the server has long forgotten the first one.
  await own.client.bus.request('sf.task.normal.spec', JSON.stringify(task), { timeoutMs: 5_000 })
  await own.client.bus.request('sf.task.normal.spec', JSON.stringify({ ...task, taskId: 'task-two', specId: 'two' }), {
    timeoutMs: 5_000,
  })
  await own.until('two', settled)
  expect(await own.until('once', settled)).toEqual(before)
  expect((await own.client.list('runs')).runs?.filter(({ specId }) => specId === 'once')).toHaveLength(1)
})

async function temporaryFolder(): Promise<TemporaryRepository> {
  const path = await mkdtemp(join(tmpdir(), 'specfleet-source-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

const disposable = (path: string): TemporaryRepository => ({ path, [Symbol.asyncDispose]: async () => undefined })
