import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  BUCKETS,
  type DeadLetter,
  listDead,
  OrchestratorId,
  openRecords,
  openTaskQueue,
  RunRecord,
  TaskInput,
  withIds,
} from '@specfleet/shared'
import { afterAll, describe, expect, test } from 'vitest'
import { claimOf } from '../../packages/orchestrator/src/intake/admission.ts'
import { claimedBy } from '../../packages/orchestrator/src/supervisor/transitions.ts'
import { deliver } from '../../packages/testkit/src/scripted-worker.ts'
import { makeRepository } from './git-hosts.ts'
import { startFleet } from './orchestrator-fleet.ts'

const fleet = await startFleet({ scriptOf: () => deliver })
await fleet.join()
const folder = await mkdtemp(join(tmpdir(), 'specfleet-sources-'))
const queue = await openTaskQueue(fleet.bus)
afterAll(async () => {
  await fleet[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

const repository = (name: string, files?: Record<string, string>) => makeRepository(folder, name, files)

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
