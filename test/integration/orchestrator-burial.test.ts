import {
  BUCKETS,
  type Bus,
  isPlaced,
  OrchestratorId,
  openBlobs,
  openLog as openFactLog,
  openRecords,
  type PlacedRun,
  RunRecord,
  sandboxIdOf,
  TaskInput,
  withIds,
} from '@specfleet/shared'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock as clock } from '../../packages/orchestrator/src/clock.ts'
import { Engines } from '../../packages/orchestrator/src/engines/engines.ts'
import { NO_POLICY } from '../../packages/orchestrator/src/engines/policy.ts'
import { openFactWriter } from '../../packages/orchestrator/src/facts.ts'
import { claimOf } from '../../packages/orchestrator/src/intake/admission.ts'
import { Projector } from '../../packages/orchestrator/src/ledger/projector.ts'
import { openLog } from '../../packages/orchestrator/src/log.ts'
import { bury } from '../../packages/orchestrator/src/supervisor/bury.ts'
import type { Crew, SupervisorOptions } from '../../packages/orchestrator/src/supervisor/crew.ts'
import { Heartbeats } from '../../packages/orchestrator/src/supervisor/heartbeats.ts'
import { reconcile } from '../../packages/orchestrator/src/supervisor/reconcile.ts'
import { RunTable } from '../../packages/orchestrator/src/supervisor/run-table.ts'
import { Starts } from '../../packages/orchestrator/src/supervisor/starts.ts'
import { claimedBy, ownedBy, runningSince, startingAt } from '../../packages/orchestrator/src/supervisor/transitions.ts'
import { Uptimes } from '../../packages/orchestrator/src/supervisor/uptimes.ts'
import type { Evidence } from '../../packages/orchestrator/src/supervisor/world.ts'
import { ScriptedEngine } from '../../packages/testkit/src/scripted-engine.ts'
import { SimulatedFleet } from '../../packages/testkit/src/simulated-fleet.ts'
import { startBus } from './bus-fixture.ts'

const [OWNER, HEIR] = [OrchestratorId.parse('owner'), OrchestratorId.parse('heir')]
const SILENT: Evidence = { kind: 'condemned', cause: { kind: 'lost-heartbeat', silentMs: 10_000 } }
const log = openLog({ level: 'error', now: () => new Date(), write: () => {} })
const options = (me: OrchestratorId): SupervisorOptions => ({
  me,
  fleet: 'test',
  slots: 1,
  model: 'm',
  logLevel: 'error',
  limits: { memoryMb: 64, diskMb: 16, cpus: 1, pids: 64, wallClockMinutes: 1, outputMb: 1 },
  policy: NO_POLICY,
  backoff: { firstMs: 10, longestMs: 100, provenMs: 60_000, attemptLimit: 3 },
  stopGraceMs: 100,
  pauseGraceMs: 100,
  adoptionGraceMs: 100,
})

/** One orchestrator's view of the same records and the same log, with what it revokes. */
async function crewOn(bus: Bus, revoke: (account: string) => Promise<void>): Promise<Crew> {
  const engine = new ScriptedEngine({ busUrl: 'nats://nowhere', engine: 'here', scriptOf: () => async () => 0 })
  const provider = engine.provider()
  const factLog = openFactLog(bus)
  const ledger = new Projector({ log: factLog }, { states: [], foldedTo: 0, floodFactsPerSecond: 1_000 })
  const stop = new AbortController()
  const following = ledger.run(stop.signal)
  const table = new RunTable({ records: await openRecords(bus, BUCKETS.runs, RunRecord), log })
  await table.start()
  const breaker = { firstMs: 10, longestMs: 100, quotaMs: 100 }
  const engines = new Engines({ providers: [provider], clock, log }, { slotsOf: new Map(), slots: 1, breaker })
  await engines.start()
  onTestFinished(async () => {
    stop.abort()
    await following
    await table[Symbol.asyncDispose]()
    await engines[Symbol.asyncDispose]()
  })
  const never = () => Promise.reject(new Error('not in this test'))
  return {
    bus,
    table,
    engines,
    mint: { mint: never, renew: never, accounts: never, serverTime: never, revoke, [Symbol.asyncDispose]: never },
    facts: openFactWriter({ log: factLog, clock }, 'supervisor'),
    factLog,
    ledger,
    blobs: await openBlobs(bus),
    heartbeats: new Heartbeats({ clock }, { beatMs: 1_000, bootMs: 1_000 }),
    uptimes: new Uptimes({ clock }, { mostMs: 60_000 }),
    control: { send: never },
    clock,
    log,
    starts: new Starts({ clock }, { atOnce: 1 }),
    random: () => 0.5,
  }
}

/** A run of `OWNER` on an engine that says nothing, known to the log and to both tables. */
async function runOf({ table, facts, factLog, ledger }: Crew, other: RunTable): Promise<PlacedRun> {
  const task = withIds(TaskInput.parse({ kind: 'prompt', text: 'x', taskId: 'run', specId: 'spec' }), () => {
    throw new Error('it has an id')
  })
  const stamp = { now: new Date(), foldedTo: 0 }
  const { run: created } = await table.create(claimedBy(claimOf(task, null, 1, stamp.now), OWNER, stamp))
  // The table may have been told of it before it heard that it was written: what it holds counts.
  const run = table.get(created.runId)
  if (run?.state !== 'claimed') throw new Error('it is claimed')
  const { runId, specId } = run
  const placement = {
    epoch: 1,
    sandboxId: sandboxIdOf(runId, 1),
    provider: 'test',
    engine: 'there',
    account: 'epoch 1',
  }
  const starting = await table.move(run, startingAt(run, placement, stamp))
  if (starting === 'conflict') throw new Error('nobody else is there')
  const running = await table.move(starting, runningSince(starting, stamp))
  if (running === 'conflict') throw new Error('nobody else is there')
  const submitted = {
    taskId: task.taskId,
    kind: task.kind,
    projectId: task.projectId,
    title: 'x',
    text: 'x',
    executionMode: 'exploration',
    approval: 'auto',
    budget: {},
  } as const
  await facts.state({ specId }, { type: 'spec.submitted', data: submitted })
  await facts.state(
    { specId, runId },
    { type: 'run.claimed', data: { taskId: task.taskId, kind: 'prompt', owner: OWNER } },
  )
  await facts.state({ specId, runId, epoch: 1 }, { type: 'run.fenced', data: { owner: OWNER, turnsUpTo: 0 } })
  await ledger.caughtUp(await factLog.lastSeq(), AbortSignal.timeout(5_000))
  await other.read(runId)
  return running
}

async function adopt(heir: Crew, run: PlacedRun): Promise<PlacedRun> {
  await heir.table.read(run.runId)
  const known = heir.table.get(run.runId)
  if (known === undefined || !isPlaced(known)) throw new Error('it is placed')
  const adopted = await heir.table.move(known, ownedBy(known, HEIR, { now: new Date(), foldedTo: 0 }))
  if (adopted === 'conflict' || !isPlaced(adopted)) throw new Error('nobody else adopts it')
  return adopted
}

test('an owner that was replaced while it slept revokes nothing', async () => {
  const { bus } = await startBus()
  const revoked: string[] = []
  const owner = await crewOn(bus, async (account) => void revoked.push(account))
  const heir = await crewOn(bus, async () => {})
  const run = await runOf(owner, heir.table)
  const adopted = await adopt(heir, run)
  await bury(owner, options(OWNER), run, SILENT, AbortSignal.timeout(10_000))
  expect(revoked).toEqual([])
  expect(await heir.table.isCurrent(adopted)).toBe(true)
})

test('who slept between its verdict and the revocation cuts off nobody: its heir can only end that epoch', async () => {
  const { bus } = await startBus()
  const asleep = Promise.withResolvers<void>()
  const awake = Promise.withResolvers<void>()
  const owner = await crewOn(bus, async () => {
    asleep.resolve()
    await awake.promise
  })
  const revoked: string[] = []
  const heir = await crewOn(bus, async (account) => void revoked.push(account))
  const run = await runOf(owner, heir.table)
  const burying = bury(owner, options(OWNER), run, SILENT, AbortSignal.timeout(20_000))
  await asleep.promise

  const adopted = await adopt(heir, run)
  const there = new SimulatedFleet(1, [{ engine: 'there', listed: false }])
  const world = { ...there.world(), me: HEIR, runs: [adopted] }
  const { actions } = reconcile({ ...world, demand: () => ({ kind: 'work', stale: false }) })
  expect(actions).toMatchObject([{ kind: 'bury', evidence: SILENT }])
  await bury(heir, options(HEIR), adopted, SILENT, AbortSignal.timeout(10_000))
  expect(revoked).toEqual(['epoch 1'])
  const ended = await heir.table.read(run.runId)
  expect(ended).toMatchObject({ state: 'waiting', epoch: 1, failures: 1, causes: [{ kind: 'lost-heartbeat' }] })

  awake.resolve()
  await burying
  expect(await heir.table.read(run.runId)).toEqual(ended)
  await heir.ledger.caughtUp(await heir.factLog.lastSeq(), AbortSignal.timeout(5_000))
  expect(heir.ledger.spec(run.specId)?.runs[0]?.causes).toHaveLength(1)
})
