import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { Kvm } from '@nats-io/kv'
import {
  BUCKETS,
  DURABLES,
  newId,
  openLog as openFactLog,
  openRecords,
  openTaskQueue,
  RunRecord,
  SpecfleetError,
  STREAMS,
  subjects,
  type TaskQueue,
} from '@specfleet/shared'
import { systemClock as clock } from '../../packages/orchestrator/src/clock.ts'
import { NO_POLICY } from '../../packages/orchestrator/src/engines/policy.ts'
import { openFactWriter } from '../../packages/orchestrator/src/facts.ts'
import { openClaims } from '../../packages/orchestrator/src/intake/claim.ts'
import { Consumer } from '../../packages/orchestrator/src/intake/consumer.ts'
import { Projector } from '../../packages/orchestrator/src/ledger/projector.ts'
import { openLog } from '../../packages/orchestrator/src/log.ts'
import { RunTable } from '../../packages/orchestrator/src/supervisor/run-table.ts'
import type { Benchmark } from './benchmark.ts'
import { interleave, timed } from './interleave.ts'
import { openStage, type Stage } from './stage.ts'

const TASKS = 1_000
const limits = { memoryMb: 256, diskMb: 64, cpus: 1, pids: 64, wallClockMinutes: 5, outputMb: 1 }
const terms = { policy: NO_POLICY, limits, offers: [{ provider: 'process', images: false }] }
const SPEC_TEXT = `# Link expiry\n\n${'- A link SHALL expire when its time is over.\n'.repeat(40)}`

export const intake: Benchmark = {
  name: 'intake',
  about: `taking ${TASKS} queued tasks: pulled, parsed, claimed by a run record on disk, acknowledged`,
  async run(signal) {
    await using stage = await openStage()
    const queue = await openTaskQueue(stage.bus)
    const rateOf = (take: (stage: Stage) => Promise<number>) => async () => {
      await fill(queue)
      const rate = TASKS / ((await take(stage)) / 1000)
      await forgetRuns(stage)
      return rate
    }
    const { claimed, pulled, recorded } = await interleave(
      { claimed: rateOf(claimAll), pulled: rateOf(pullAll), recorded: rateOf(pullAndRecordAll) },
      { rounds: 5, signal },
    )
    return [
      {
        name: 'queued → claimed',
        unit: '/s',
        ours: claimed,
        engine: { name: 'bare pull + ack', summary: pulled },
        atLeast: 2_000,
      },
      {
        name: 'queued → claimed',
        unit: '/s',
        ours: claimed,
        engine: { name: 'bare pull + KV create + ack', summary: recorded },
      },
    ]
  },
}

async function fill(queue: TaskQueue): Promise<void> {
  const publish = () => {
    const task = { kind: 'spec', taskId: newId(), title: 'Link expiry', text: SPEC_TEXT, projectId: 'bench' }
    return queue.publish(subjects.task('normal', 'spec'), JSON.stringify(task))
  }
  await Promise.all(Array.from({ length: TASKS }, publish))
}

/** What was claimed in one round is none of the next round's business. */
async function forgetRuns({ raw }: Stage): Promise<void> {
  const manager = await jetstreamManager(raw)
  await manager.streams.purge(`KV_${BUCKETS.runs}`)
}

/** The orchestrator's intake, with room for every task. */
async function claimAll({ bus }: Stage): Promise<number> {
  const stop = new AbortController()
  const log = openLog({ level: 'info', now: clock.now, write: () => {} })
  const [queue, records] = await Promise.all([openTaskQueue(bus), openRecords(bus, BUCKETS.runs, RunRecord)])
  await using table = new RunTable({ records, log })
  await table.start()
  const factLog = openFactLog(bus)
  const ledger = new Projector({ log: factLog }, { states: [], foldedTo: 0, floodFactsPerSecond: 1_000_000 })
  const fetchSource = () => Promise.reject(new SpecfleetError('source.unreachable', 'no task here has a source'))
  const claim = openClaims(
    { bus, table, ledger, factLog, facts: openFactWriter({ log: factLog, clock }, 'intake'), clock, log, fetchSource },
    { terms },
    stop.signal,
  )
  const { promise: allTaken, resolve } = Promise.withResolvers<void>()
  let left = TASKS
  const accept: typeof claim = async (task) => {
    await claim(task)
    left--
    if (left === 0) resolve()
  }
  await using consumer = new Consumer({ queue, table, clock, log, accept }, { backlogLimit: TASKS })
  const ms = await timed(() => {
    consumer.start()
    return allTaken
  })
  const runs = table.backlog.size('normal')
  if (runs !== TASKS) throw new Error(`${runs} runs from ${TASKS} tasks`)
  return ms
}

type Taken = (ackAck: () => Promise<unknown>, data: Uint8Array) => Promise<unknown>

/** The client's own pull; every acknowledgement is confirmed, as ours are. */
async function pullEach({ raw }: Stage, take: Taken): Promise<void> {
  const consumer = await jetstream(raw).consumers.get(STREAMS.tasks, DURABLES.intake('normal'))
  const taking: Promise<unknown>[] = []
  for await (const message of await consumer.fetch({ max_messages: TASKS }))
    taking.push(take(() => message.ackAck(), message.data))
  await Promise.all(taking)
  if (taking.length !== TASKS) throw new Error(`${taking.length} of ${TASKS} tasks came`)
}

const pullAll = (stage: Stage) => timed(() => pullEach(stage, (ackAck) => ackAck()))

async function pullAndRecordAll(stage: Stage): Promise<number> {
  const runs = await new Kvm(jetstream(stage.raw)).open(BUCKETS.runs)
  return timed(() =>
    pullEach(stage, async (ackAck, data) => {
      await runs.create(newId(), data)
      await ackAck()
    }),
  )
}
