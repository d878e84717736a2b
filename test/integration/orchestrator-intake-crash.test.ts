import {
  BUCKETS,
  type Bus,
  newTaskId,
  openLog as openFactLog,
  openRecords,
  openTaskQueue,
  PRIORITIES,
  type Priority,
  RunRecord,
  SpecfleetError,
  subjects,
  type TaskInput,
} from '@specfleet/shared'
import { expect, test } from 'vitest'
import { systemClock as clock } from '../../packages/orchestrator/src/clock.ts'
import { NO_POLICY } from '../../packages/orchestrator/src/engines/policy.ts'
import { openFactWriter } from '../../packages/orchestrator/src/facts.ts'
import { openClaims } from '../../packages/orchestrator/src/intake/claim.ts'
import { Consumer } from '../../packages/orchestrator/src/intake/consumer.ts'
import { Projector } from '../../packages/orchestrator/src/ledger/projector.ts'
import { openLog } from '../../packages/orchestrator/src/log.ts'
import { RunTable } from '../../packages/orchestrator/src/supervisor/run-table.ts'
import { connectTo, startBus } from './bus-fixture.ts'

const log = openLog({ level: 'error', now: clock.now, write: () => undefined })
const limits = { memoryMb: 256, diskMb: 64, cpus: 1, pids: 64, wallClockMinutes: 5, outputMb: 1 }
const terms = { policy: NO_POLICY, limits, offers: [{ provider: 'process', images: false }] }

type Intake = AsyncDisposable & {
  readonly table: RunTable
  /** Calls back when a task was handled, whatever became of it. */
  onHandled: () => void
}

/** The intake of one orchestrator, with nothing behind it. */
async function startIntake(bus: Bus, backlogLimit = 10_000): Promise<Intake> {
  const parts = new AsyncDisposableStack()
  const [queue, records] = await Promise.all([openTaskQueue(bus), openRecords(bus, BUCKETS.runs, RunRecord)])
  const table = parts.use(new RunTable({ records, log }))
  await table.start()
  const factLog = openFactLog(bus)
  const ledger = new Projector({ log: factLog }, { states: [], foldedTo: 0, floodFactsPerSecond: 1_000 })
  const fetchSource = () => Promise.reject(new SpecfleetError('source.unreachable', 'nothing has a source'))
  const stop = new AbortController()
  const facts = openFactWriter({ log: factLog, clock }, 'intake')
  const claim = openClaims({ bus, table, ledger, factLog, facts, clock, log, fetchSource }, { terms }, stop.signal)
  const intake = {
    table,
    onHandled: () => {},
    async [Symbol.asyncDispose]() {
      stop.abort(new Error('intake stops'))
      await parts.disposeAsync()
    },
  }
  const accept: typeof claim = async (task) => {
    await claim(task)
    intake.onHandled()
  }
  const consumer = parts.use(new Consumer({ queue, table, clock, log, accept }, { backlogLimit }))
  consumer.start()
  return intake
}

async function fill(bus: Bus, count: number, more: Partial<TaskInput> = {}): Promise<string[]> {
  const queue = await openTaskQueue(bus)
  const ids = Array.from({ length: count }, () => newTaskId())
  const priority = more.priority ?? 'normal'
  const publish = (taskId: string) =>
    queue.publish(subjects.task(priority, 'spec'), JSON.stringify({ kind: 'spec', taskId, text: 'x', ...more }))
  await Promise.all(ids.map(publish))
  return ids
}

/** Resolves when a table knows so many that wait. */
const waiting = ({ table }: Intake, count: number) =>
  new Promise<void>((resolve) => {
    const look = () => {
      const known = PRIORITIES.reduce((sum, priority) => sum + table.backlog.size(priority), 0)
      if (known < count) return
      listening[Symbol.dispose]()
      resolve()
    }
    const listening = table.changes.on(look)
    look()
  })

/** Resolves when nothing of a priority is in the queue any more. */
async function emptied(bus: Bus, intake: Intake, priority: Priority): Promise<void> {
  const queue = await openTaskQueue(bus)
  for (;;) {
    const handled = Promise.withResolvers<void>()
    intake.onHandled = handled.resolve
    if ((await queue.depth())[priority] === 0) return
    await handled.promise
  }
}

test('whatever is killed while tasks are taken on, each becomes one run', { timeout: 90_000 }, async () => {
  const { nats, bus } = await startBus()
  const ids = await fill(bus, 1_500)
  const doomed = await startIntake(await connectTo(nats))
  await waiting(doomed, 200)
  await nats.kill9()
  await nats.restart()
  await waiting(doomed, 600)
  await doomed[Symbol.asyncDispose]()

  await using heir = await startIntake(await connectTo(nats))
  await nats.kill9()
  await nats.restart()
  await waiting(heir, ids.length)
  expect([...heir.table.backlog.all()].map(({ runId }) => runId).toSorted()).toEqual(ids.toSorted())
  // What was handed out before the server forgot it comes once more, and is a duplicate then.
  await emptied(bus, heir, 'normal')
  const records = await (await openRecords(bus, BUCKETS.runs, RunRecord)).all()
  expect(records).toHaveLength(ids.length)
  expect(records.every(({ value }) => value.state === 'queued')).toBe(true)
})

test('no more wait for a slot than may, and none of one priority waits behind another', async () => {
  const { nats, bus } = await startBus()
  await fill(bus, 50, { priority: 'low' })
  await using intake = await startIntake(await connectTo(nats), 20)
  await waiting(intake, 20)
  await fill(bus, 5, { priority: 'high' })
  await waiting(intake, 25)
  const { backlog } = intake.table
  expect(PRIORITIES.map((priority) => backlog.size(priority))).toEqual([5, 0, 20])
  await emptied(bus, intake, 'high')
  expect(await (await openTaskQueue(bus)).depth()).toEqual({ high: 0, normal: 0, low: 30 })
})
