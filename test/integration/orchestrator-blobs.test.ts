import { randomBytes } from 'node:crypto'
import {
  BUCKETS,
  type Bus,
  type Envelope,
  type Fact,
  openBlobs,
  openLog,
  openRecords,
  ProjectId,
  RunRecord,
  type Sha256,
  TaskId,
} from '@specfleet/shared'
import { expect, test } from 'vitest'
import { BlobJanitor } from '../../packages/orchestrator/src/desk/blob-janitor.ts'
import { RunBlobs } from '../../packages/orchestrator/src/desk/run-blobs.ts'
import { Projector } from '../../packages/orchestrator/src/ledger/projector.ts'
import { openLog as openLines } from '../../packages/orchestrator/src/log.ts'
import { FakeClock } from '../../packages/testkit/src/fake-clock.ts'
import { newFact, runOf, specOf, startBus } from './bus-fixture.ts'

const HOUR = 3_600_000
const AT = '2026-11-20T12:00:00.000Z'

async function open(bus: Bus) {
  const clock = new FakeClock()
  const lines: string[] = []
  const log = openLines({ level: 'info', now: () => new Date(), write: (line) => lines.push(line) })
  const [blobs, runs, runBlobs] = await Promise.all([
    openBlobs(bus),
    openRecords(bus, BUCKETS.runs, RunRecord),
    openRecords(bus, BUCKETS.runBlobs, RunBlobs),
  ])
  const factLog = openLog(bus)
  const ledger = new Projector({ log: factLog }, { states: [], foldedTo: 0, floodFactsPerSecond: 1_000 })
  const stop = new AbortController()
  const following = ledger.run(stop.signal)
  let sweeps = true
  const janitor = new BlobJanitor({
    blobs,
    runs,
    runBlobs,
    ledger,
    factLog,
    clock,
    log,
    isSweeper: () => sweeps,
  })
  const put = async () => (await blobs.put(randomBytes(200_000))).sha256
  return {
    blobs,
    runs,
    runBlobs,
    factLog,
    janitor,
    put,
    /** Sweeps now, and once more after so long. */
    async after(ms: number) {
      await janitor.sweep()
      // The hour goes by while no sweep of the clock's own is due.
      clock.standStill(ms)
      await janitor.sweep()
    },
    retire: () => {
      sweeps = false
    },
    async [Symbol.asyncDispose]() {
      await janitor[Symbol.asyncDispose]()
      stop.abort()
      await following
    },
  }
}

const record = (runId: string, source: Sha256 | undefined): RunRecord =>
  RunRecord.parse({
    v: 1,
    runId,
    specId: 'shop',
    task: { kind: 'spec', taskId: runId, specId: 'shop', text: '# Shop' },
    source: source === undefined ? null : { sha256: source, bytes: 1, commit: '0'.repeat(40), branch: 'main' },
    claimedAt: AT,
    changedAt: AT,
    epoch: 0,
    causes: [],
    failures: 0,
    state: 'queued',
    place: 1,
  })

const submitted = (sha256: Sha256): Envelope => {
  const data: Extract<Fact, { type: 'spec.submitted' }>['data'] = {
    taskId: TaskId.parse('task'),
    kind: 'spec',
    projectId: ProjectId.parse('shop'),
    title: 'Shop',
    text: `see ${sha256}`,
    executionMode: 'exploration',
    approval: 'auto',
    budget: {},
  }
  return { ...newFact({ specId: specOf('shop'), epoch: 0 }, 'spec.submitted'), by: 'intake', data }
}

test('what nobody owns for an hour goes, whole; what a record, a spec, the log or a living run owns stays', async () => {
  const { bus } = await startBus()
  await using world = await open(bus)
  const [recorded, told, logged, left, ownerless] = await Promise.all([0, 1, 2, 3, 4].map(() => world.put()))
  if (!recorded || !told || !logged || !left || !ownerless) throw new Error('five were put')
  await world.runs.create('living', record('living', recorded))
  await world.factLog.append(submitted(told))
  await world.factLog.append({ ...newFact({ specId: specOf('other') }, 'ticket.delivered'), data: { patch: logged } })
  await world.runBlobs.create('living', { v: 1, runId: runOf('living'), blobs: { [left]: 200_000 } })
  await world.runBlobs.create('over', { v: 1, runId: runOf('over'), blobs: { [ownerless]: 200_000 } })
  // An upload that was cut off, as a crash leaves it.
  await bus.request('$O.sf_blobs.C.01ABANDONED', 'x', { timeoutMs: 5_000 })

  await world.after(HOUR - 1)
  expect(await world.blobs.has(ownerless)).toBe(true)
  await world.after(1)
  expect(await Promise.all([recorded, told, logged, left, ownerless].map((each) => world.blobs.has(each)))).toEqual([
    true,
    true,
    true,
    true,
    false,
  ])
  const { blobs, uploads } = await world.blobs.inventory()
  expect(blobs).toHaveLength(4)
  expect(uploads).toEqual([])
  expect(await world.runBlobs.get('over')).toBeUndefined()
})

test('what is stored again, or found again, has its hour anew', async () => {
  const { bus } = await startBus()
  await using world = await open(bus)
  const bytes = randomBytes(300_000)
  const { sha256 } = await world.blobs.put(bytes)
  await world.after(HOUR - 1)
  await world.blobs.put(bytes)
  await world.after(1)
  expect(await world.blobs.touch(sha256)).toBe(true)
  await world.after(HOUR - 1)
  expect(await world.blobs.has(sha256)).toBe(true)
  world.retire()
  await world.after(HOUR)
  expect(await world.blobs.has(sha256)).toBe(true)
})

test('two that sweep while others store what they remove lose nobody’s blob', async () => {
  const { bus } = await startBus()
  const blobs = await openBlobs(bus)
  const bytes = randomBytes(300_000)
  for (let round = 0; round < 20; round++) {
    const { sha256 } = await blobs.put(bytes)
    const { version } = (await blobs.inventory()).blobs[0] ?? { version: 0 }
    const [one, two, stored, found] = await Promise.all([
      blobs.deleteVersion(sha256, version),
      blobs.deleteVersion(sha256, version),
      blobs.put(bytes),
      blobs.touch(sha256),
    ])
    expect(one && two).toBe(false)
    expect(stored.sha256).toBe(sha256)
    // Whoever was told that it is stored, or there, finds it whole.
    const there = await blobs.get(sha256)
    expect(there, JSON.stringify({ round, one, two, found })).toBeDefined()
    const read = Buffer.concat(await Array.fromAsync(there?.stream ?? []))
    expect(read.equals(bytes)).toBe(true)
    const left = await blobs.inventory()
    expect(left).toMatchObject({ blobs: [{ sha256 }], uploads: [] })
  }
})
