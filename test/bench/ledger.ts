import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { openLog, STREAMS } from '@specfleet/shared'
import { Projector } from '../../packages/orchestrator/src/ledger/projector.ts'
import type { Benchmark } from './benchmark.ts'
import { interleave, timed } from './interleave.ts'
import { writeSpecLogs } from './spec-logs.ts'
import { openStage, type Stage } from './stage.ts'

const FACTS = 10_000

export const ledger: Benchmark = {
  name: 'ledger',
  about: `reading a log of ${FACTS} facts of planned specs, and folding it into the state of each spec`,
  async run(signal) {
    await using stage = await openStage()
    const log = openLog(stage.bus)
    await writeSpecLogs(log, FACTS)
    const [{ state }, last] = await Promise.all([
      jetstreamManager(stage.raw).then((manager) => manager.streams.info(STREAMS.log)),
      log.lastSeq(),
    ])
    const { folded, read } = await interleave(
      {
        folded: async () => state.messages / ((await timed(() => foldAll(stage, last))) / 1000),
        read: async () => state.messages / ((await timed(() => readAll(stage, state.messages))) / 1000),
      },
      { rounds: 7, signal },
    )
    return [
      {
        name: 'facts folded',
        unit: '/s',
        ours: folded,
        engine: { name: 'bare ordered consumer', summary: read },
        atLeast: 8_000,
      },
    ]
  },
}

async function foldAll({ bus }: Stage, last: number): Promise<void> {
  const stop = new AbortController()
  const projector = new Projector({ log: openLog(bus) }, { states: [], foldedTo: 0, floodFactsPerSecond: 1_000_000 })
  const running = projector.run(stop.signal)
  await projector.caughtUp(last, stop.signal)
  stop.abort(new Error('all is folded'))
  await running
}

/** The client's own fastest way to read a stream in order; nothing is done with the messages. */
async function readAll({ raw }: Stage, messages: number): Promise<void> {
  const consumer = await jetstream(raw).consumers.get(STREAMS.log)
  const arriving = await consumer.consume({ max_messages: 2_000 })
  let left = messages
  for await (const _ of arriving) {
    left--
    if (left === 0) break
  }
  await arriving.close()
  await consumer.delete()
}
