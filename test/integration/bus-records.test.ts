import { openRecords, type RecordChange, type Records } from '@specfleet/shared'
import { expect, test } from 'vitest'
import * as z from 'zod'
import { condition, connectTo, startBus } from './bus-fixture.ts'

const Counter = z.object({ owner: z.string(), count: z.number() })
type Counter = z.infer<typeof Counter>

async function startRecords(): Promise<{ records: Records<Counter> } & Awaited<ReturnType<typeof startBus>>> {
  const started = await startBus()
  return { ...started, records: await openRecords(started.bus, 'sf_runs', Counter) }
}

test('a record is created once, replaced only by who saw it last, deleted and created again', async () => {
  const { records } = await startRecords()
  const made = await records.create('r1', { owner: 'a', count: 0 })
  if (made === 'exists') throw new Error('it cannot exist yet')
  expect(await records.create('r1', { owner: 'b', count: 0 })).toBe('exists')
  const replaced = await records.replace(made, { owner: 'a', count: 1 })
  expect(replaced).toMatchObject({ key: 'r1', value: { count: 1 } })
  expect(await records.replace(made, { owner: 'b', count: 9 })).toBe('conflict')
  expect(await records.get('r1')).toEqual(replaced)
  await expect(records.delete('r1', made.revision)).rejects.toMatchObject({ code: 'bus.conflict' })
  await records.delete('r1')
  expect(await records.get('r1')).toBeUndefined()
  expect(await records.create('r1', { owner: 'b', count: 0 })).toMatchObject({ value: { owner: 'b' } })
  expect((await records.put('r1', { owner: 'c', count: 2 })).value).toEqual({ owner: 'c', count: 2 })
})

test('of fifty claimants one wins, at the creation and at every replacement', async () => {
  const { nats, bus } = await startRecords()
  const buses = [bus, await connectTo(nats), await connectTo(nats)]
  const views = await Promise.all(buses.map((one) => openRecords(one, 'sf_runs', Counter)))
  const view = (count: number): Records<Counter> => {
    const one = views[count % views.length]
    if (one === undefined) throw new Error('no view')
    return one
  }
  const claims = await Promise.all(
    Array.from({ length: 50 }, (_, count) => view(count).create('claim', { owner: `${count}`, count: 0 })),
  )
  expect(claims.filter((claim) => claim !== 'exists')).toHaveLength(1)
  for (let round = 1; round <= 5; round += 1) {
    const held = await view(round).get('claim')
    if (held === undefined) throw new Error('the record is gone')
    const tries = await Promise.all(
      Array.from({ length: 50 }, (_, count) => view(count).replace(held, { owner: `${count}`, count: round })),
    )
    expect(tries.filter((one) => one !== 'conflict')).toHaveLength(1)
  }
  expect((await view(0).get('claim'))?.value.count).toBe(5)
})

test('all records are read at once; one that does not match is told and left out', async () => {
  const { bus } = await startBus()
  const malformed: string[] = []
  const options = { onMalformed: (key: string) => malformed.push(key) }
  const records = await openRecords(bus, 'sf_runs', Counter, options)
  await Promise.all(Array.from({ length: 700 }, (_, count) => records.put(`k${count}`, { owner: 'a', count })))
  await records.delete('k7')
  await bus.request('$KV.sf_runs.bad', 'rubbish', { timeoutMs: 5_000 })
  const counts = (await records.all()).map((held) => held.value.count).sort((a, b) => a - b)
  expect(counts).toEqual(Array.from({ length: 700 }, (_, count) => count).filter((count) => count !== 7))
  expect(malformed).toEqual(['bad'])
  await expect(records.get('bad')).rejects.toMatchObject({ code: 'record.malformed' })
})

test('keys that would be more than one record are refused', async () => {
  const { records } = await startRecords()
  for (const key of ['*', 'a.>', '', 'a b', '.a', 'a..b']) {
    await expect(records.put(key, { owner: 'a', count: 0 })).rejects.toMatchObject({ code: 'request.malformed' })
  }
})

test('a watcher sees what is there, then every change, over a kill and a restart of the server', async () => {
  const { nats, records } = await startRecords()
  await records.put('a', { owner: 'x', count: 1 })
  await records.put('b', { owner: 'x', count: 1 })
  await records.delete('b')
  const seen: [string, number | 'deleted'][] = []
  const caughtUp = Promise.withResolvers<void>()
  const returned = condition(() => seen.at(-1)?.[0] === 'c')
  const last = condition(() => seen.at(-1)?.[0] === 'last')
  const stop = new AbortController()
  const onChange = ({ key, held }: RecordChange<Counter>): void => {
    seen.push([key, held?.value.count ?? 'deleted'])
    returned.check()
    last.check()
  }
  const watching = records.watch({ signal: stop.signal, onChange, onCaughtUp: caughtUp.resolve })
  await caughtUp.promise
  await records.put('a', { owner: 'x', count: 2 })
  await nats.kill9()
  const put = records.put('c', { owner: 'x', count: 3 })
  await nats.restart()
  await put
  await returned.met
  await records.delete('c')
  await records.put('last', { owner: 'x', count: 4 })
  await last.met
  stop.abort()
  await watching
  expect(seen).toEqual([
    ['a', 1],
    ['b', 'deleted'],
    ['a', 2],
    ['c', 3],
    ['c', 'deleted'],
    ['last', 4],
  ])
})

test('a record of a bucket that expires is told as deleted, and can be created again', async () => {
  const { bus } = await startBus()
  const records = await openRecords(bus, 'short', Counter, { ttlMs: 1_000 })
  await records.create('a', { owner: 'x', count: 1 })
  const gone = Promise.withResolvers<void>()
  const stop = new AbortController()
  const watching = records.watch({ signal: stop.signal, onChange: ({ held }) => held ?? gone.resolve() })
  await gone.promise
  expect(await records.get('a')).toBeUndefined()
  expect(await records.all()).toEqual([])
  expect(await records.create('a', { owner: 'y', count: 2 })).not.toBe('exists')
  stop.abort()
  await watching
})

test('records are created together, or none of them is', async () => {
  const { records } = await startRecords()
  const entries = (prefix: string, count: number) =>
    Array.from({ length: count }, (_, n) => ({ key: `${prefix}${n}`, value: { owner: prefix, count: n } }))
  const made = await records.createTogether(entries('a', 100))
  for (const held of made) expect(await records.get(held.key)).toEqual(held)
  expect(await records.replace(made[3] ?? expect.unreachable(), { owner: 'x', count: 0 })).not.toBe('conflict')

  const clash = [...entries('b', 99), { key: 'a7', value: { owner: 'b', count: 99 } }]
  await expect(records.createTogether(clash)).rejects.toThrow()
  expect((await records.all()).filter(({ value }) => value.owner === 'b')).toEqual([])
  expect(await records.createTogether([])).toEqual([])
})
