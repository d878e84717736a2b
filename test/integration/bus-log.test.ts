import { openLog, SpecfleetError } from '@specfleet/shared'
import { expect, test } from 'vitest'
import { collect, condition, connectTo, newFact, specOf, startBus } from './bus-fixture.ts'

const specId = specOf('spec1')

test('a fact is appended once, however often it is sent', async () => {
  const { bus } = await startBus()
  const log = openLog(bus)
  const fact = newFact({ specId })
  expect(await log.append(fact)).toEqual({ seq: 1, duplicate: false })
  expect(await log.append(fact)).toEqual({ seq: 1, duplicate: true })
  expect(await log.lastSeq()).toBe(1)
  const [entry] = await collect(log.readSpec(specId))
  expect(entry).toMatchObject({ seq: 1, subject: 'sf.log.spec1.run1.1.phase.started' })
  expect(entry?.value()).toEqual(fact)
})

test('of fifty that append after the same entry of a spec exactly one wins, sequence by sequence', async () => {
  const { nats, bus } = await startBus()
  const other = await connectTo(nats)
  const logs = [openLog(bus), openLog(other)]
  let last = 0
  for (let round = 0; round < 5; round += 1) {
    await openLog(bus).append(newFact({ specId: specOf('bystander') }))
    const attempts = Array.from({ length: 50 }, (_, count) =>
      logs[count % 2]?.append(newFact({ specId, epoch: (count % 7) + 1 }), { expectLastOfSpec: last }),
    )
    const results = await Promise.allSettled(attempts)
    const won = results.flatMap((result) => (result.status === 'fulfilled' && result.value ? [result.value.seq] : []))
    expect(won).toHaveLength(1)
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'bus.conflict' })
    }
    last = won[0] ?? 0
  }
  expect(await collect(openLog(bus).readSpec(specId))).toHaveLength(5)
})

test('a spec of ten thousand entries among others is read whole, in order, and in parts', async () => {
  const { bus } = await startBus()
  const log = openLog(bus)
  const total = 10_000
  for (let done = 0; done < total; done += 500) {
    const batch = Array.from({ length: 500 }, (_, count) =>
      bus.request(`sf.log.spec1.run1.${1 + done / 500}.phase.started`, `${done + count}`, { timeoutMs: 30_000 }),
    )
    await Promise.all(batch)
    await log.append(newFact({ specId: specOf('other') }))
  }
  const entries = await collect(log.readSpec(specId))
  expect(entries.map((entry) => entry.value())).toEqual(Array.from({ length: total }, (_, count) => count))
  const [from, to] = [entries[4_000]?.seq ?? 0, entries[4_010]?.seq ?? 0]
  const part = await collect(log.readSpec(specId, { fromSeq: from, toSeq: to }))
  expect(part.map((entry) => entry.value())).toEqual(Array.from({ length: 11 }, (_, count) => 4_000 + count))
  expect(await collect(log.readSpec(specId, { fromSeq: (entries.at(-1)?.seq ?? 0) + 1 }))).toEqual([])
  expect(await collect(log.readSpec(specOf('nobody')))).toEqual([])
})

test('followers lose nothing and see nothing twice while the server is killed under load, and appends go through', async () => {
  const { nats, bus } = await startBus()
  const log = openLog(bus)
  const total = 3_000
  const kills = [700, 1_700]
  const followed: number[] = []
  const stop = new AbortController()
  const whole = condition(() => followed.length >= total)
  const following = (async () => {
    for await (const batch of log.follow({ fromSeq: 1, signal: stop.signal })) {
      followed.push(...batch.map((entry) => entry.seq))
      whole.check()
    }
  })()
  const appended: number[] = []
  let next = 0
  const appender = async (): Promise<void> => {
    while (next < total) {
      next += 1
      if (next === kills[0]) {
        kills.shift()
        await nats.kill9()
        await nats.restart()
      }
      appended.push((await log.append(newFact({ specId, epoch: 1 + (next % 2) }))).seq)
    }
  }
  await Promise.all(Array.from({ length: 20 }, appender))
  const last = await log.lastSeq()
  await whole.met
  stop.abort()
  await following
  expect(new Set(appended).size).toBe(total)
  expect(followed).toEqual(Array.from({ length: last }, (_, count) => count + 1))
  expect(last).toBe(total)
})

test('a follower that stops reading holds a bounded batch and takes up where it was', async () => {
  const { bus } = await startBus()
  const log = openLog(bus)
  const large = 'x'.repeat(200_000)
  for (let count = 0; count < 150; count += 1) {
    await bus.request('sf.log.spec1.run1.1.phase.started', JSON.stringify({ count, large }), { timeoutMs: 30_000 })
  }
  const stop = new AbortController()
  const sizes: number[] = []
  let seen = 0
  for await (const batch of log.follow({ fromSeq: 1, specId, signal: stop.signal })) {
    sizes.push(batch.reduce((sum, entry) => sum + entry.data.length, 0))
    seen += batch.length
    if (seen === 150) stop.abort()
    else await bus.flush()
  }
  expect(seen).toBe(150)
  expect(Math.max(...sizes)).toBeLessThan(9 * 1024 * 1024)
})

test('a follower waits at the end, is woken by the next entry, and ends with its signal', async () => {
  const { bus } = await startBus()
  const log = openLog(bus)
  const stop = new AbortController()
  const entries = log.follow({ fromSeq: 1, specId, signal: stop.signal })[Symbol.asyncIterator]()
  const first = entries.next()
  await log.append(newFact({ specId: specOf('other') }))
  const { seq } = await log.append(newFact({ specId }))
  const { value } = await first
  expect(value?.map((entry: { seq: number }) => entry.seq)).toEqual([seq])
  const second = entries.next()
  stop.abort()
  expect(await second).toEqual({ value: undefined, done: true })
})

test('one incarnation cannot fill the log: beyond its share it is refused, and others go on', async () => {
  const { bus } = await startBus()
  const log = openLog(bus)
  const subject = 'sf.log.spec1.run1.1.phase.started'
  for (let done = 0; done < 2_000; done += 1_000) {
    await Promise.all(Array.from({ length: 1_000 }, () => bus.request(subject, '{}', { timeoutMs: 30_000 })))
  }
  await expect(log.append(newFact({ specId }))).rejects.toMatchObject({ code: 'bus.full' })
  await log.append(newFact({ specId, epoch: 2 }))
  expect(await log.lastSeq()).toBe(2_001)
})

test('an append ends with its signal while the server is away', async () => {
  const { nats, bus } = await startBus()
  await nats.kill9()
  const stop = new AbortController()
  const appending = openLog(bus).append(newFact({ specId }), { signal: stop.signal })
  stop.abort(new SpecfleetError('work.failed', 'enough'))
  await expect(appending).rejects.toMatchObject({ code: 'work.failed' })
})
