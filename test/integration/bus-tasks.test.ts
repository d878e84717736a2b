import { openTaskQueue, type QueuedTask } from '@specfleet/shared'
import { expect, test } from 'vitest'
import { connectTo, startBus } from './bus-fixture.ts'

const text = (task: QueuedTask | undefined): string => Buffer.from(task?.data ?? []).toString()
const signal = new AbortController().signal

test('a task is handed out by priority, counted, and gone once acknowledged', async () => {
  const { bus } = await startBus()
  const queue = await openTaskQueue(bus)
  await queue.publish('sf.task.high.spec', 'a')
  await queue.publish('sf.task.high.prompt', 'b')
  await queue.publish('sf.task.low.spec', 'c')
  expect(await queue.depth()).toEqual({ high: 2, normal: 0, low: 1 })
  const tasks = await queue.pull('high', { max: 10, waitMs: 0, signal })
  expect(tasks.map((task) => [task.subject, text(task), task.deliveries])).toEqual([
    ['sf.task.high.spec', 'a', 1],
    ['sf.task.high.prompt', 'b', 1],
  ])
  await Promise.all(tasks.map((task) => task.ack()))
  expect(await queue.depth()).toEqual({ high: 0, normal: 0, low: 1 })
})

test('a task sent twice under one id is queued once', async () => {
  const { bus } = await startBus()
  const queue = await openTaskQueue(bus)
  for (let count = 0; count < 3; count += 1) await queue.publish('sf.task.high.spec', 'a', { id: 'same' })
  expect((await queue.depth()).high).toBe(1)
})

test('a pull waits for work as an event, and ends empty with its time or its signal', async () => {
  const { bus } = await startBus()
  const queue = await openTaskQueue(bus)
  const pulling = queue.pull('normal', { max: 5, waitMs: 30_000, signal })
  await bus.flush()
  await queue.publish('sf.task.normal.spec', 'late')
  expect((await pulling).map(text)).toEqual(['late'])
  expect(await queue.pull('low', { max: 1, waitMs: 20, signal })).toEqual([])
  const stop = new AbortController()
  const stopped = queue.pull('low', { max: 1, waitMs: 30_000, signal: stop.signal })
  stop.abort()
  expect(await stopped).toEqual([])
})

test('what an aborted pull was sent goes back and to the next at once', async () => {
  const { bus } = await startBus()
  const queue = await openTaskQueue(bus)
  const stop = new AbortController()
  const stopped = queue.pull('low', { max: 1, waitMs: 30_000, signal: stop.signal })
  await queue.depth()
  stop.abort()
  expect(await stopped).toEqual([])
  await queue.publish('sf.task.low.spec', 'kept')
  const [task] = await queue.pull('low', { max: 1, waitMs: 10_000, signal })
  expect([text(task), task?.deliveries]).toEqual(['kept', 2])
})

test('a task that is put back comes again', async () => {
  const { bus } = await startBus()
  const queue = await openTaskQueue(bus)
  await queue.publish('sf.task.low.spec', 'again')
  const [first] = await queue.pull('low', { max: 1, waitMs: 1_000, signal })
  first?.working()
  first?.nak()
  const [second] = await queue.pull('low', { max: 1, waitMs: 10_000, signal })
  expect([text(second), second?.deliveries]).toEqual(['again', 2])
})

test('fifty that pull at once share five hundred tasks without a double', async () => {
  const { nats, bus } = await startBus()
  const queues = await Promise.all([bus, await connectTo(nats), await connectTo(nats)].map(openTaskQueue))
  await Promise.all(Array.from({ length: 500 }, (_, count) => queues[0]?.publish('sf.task.normal.spec', `${count}`)))
  const taken: string[] = []
  const worker = async (_: unknown, count: number): Promise<void> => {
    for (;;) {
      const tasks = (await queues[count % 3]?.pull('normal', { max: 4, waitMs: 0, signal })) ?? []
      if (tasks.length === 0) return
      taken.push(...tasks.map(text))
      await Promise.all(tasks.map((task) => task.ack()))
    }
  }
  await Promise.all(Array.from({ length: 50 }, worker))
  expect(taken.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: 500 }, (_, count) => count))
})

test('publishing and waiting go on over a kill and a restart of the server, and every task is handed out', async () => {
  const { nats, bus } = await startBus()
  const queue = await openTaskQueue(bus)
  await queue.publish('sf.task.high.spec', 'held')
  const [held] = await queue.pull('high', { max: 1, waitMs: 0, signal })
  const waiting = queue.pull('low', { max: 1, waitMs: 60_000, signal })
  await nats.kill9()
  const publishing = queue.publish('sf.task.low.spec', 'through')
  // The server may have forgotten that it handed this one out; then it says nothing, and hands it out again.
  const acknowledging = held?.ack().then(
    () => true,
    () => false,
  )
  await nats.restart()
  await publishing
  const tasks = await waiting
  const [task] = tasks.length > 0 ? tasks : await queue.pull('low', { max: 1, waitMs: 30_000, signal })
  expect(text(task)).toBe('through')
  await task?.ack()
  if (!(await acknowledging)) {
    const [again] = await queue.pull('high', { max: 1, waitMs: 30_000, signal })
    expect(text(again)).toBe('held')
    await again?.ack()
  }
  expect(await queue.depth()).toEqual({ high: 0, normal: 0, low: 0 })
})

test('a task of no known priority is refused to its sender', async () => {
  const { bus } = await startBus()
  await expect(bus.request('sf.task.urgent.spec', '{}', { timeoutMs: 1_000 })).rejects.toMatchObject({
    code: 'bus.unreachable',
  })
})
