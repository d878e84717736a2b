import {
  BUCKETS,
  type Envelope,
  newMessageId,
  openLog as openFactLog,
  openRecords,
  type SpecId,
  SpecState,
} from '@specfleet/shared'
import { afterAll, expect, test } from 'vitest'
import { loadViews, View } from '../../packages/orchestrator/src/ledger/views.ts'
import { startFleet } from './orchestrator-fleet.ts'

const fleet = await startFleet()
afterAll(() => fleet[Symbol.asyncDispose]())
const factLog = openFactLog(fleet.bus)

/** Resolves when the views go as far as the log. */
async function written(): Promise<Record<string, unknown>> {
  const lastSeq = await factLog.lastSeq()
  const isIt = (event: Record<string, unknown>) => event.event === 'views.written' && event.upTo === lastSeq
  return new Promise((resolve) => {
    fleet.onLog((event) => isIt(event) && resolve(event))
    const already = fleet.logged.find(isIt)
    if (already !== undefined) resolve(already)
  })
}

test('views are a short cut: a new orchestrator starts from them and knows what the log says', async () => {
  const first = await fleet.join()
  for (const id of ['one', 'two', 'three']) {
    await fleet.submit({ kind: 'prompt', text: id, taskId: id, specId: id })
    await fleet.factsOf(id).until('run.settled')
  }
  const event = await written()
  expect(event).toMatchObject({ stored: 3, tooLarge: 0 })
  const states = await Promise.all(['one', 'two', 'three'].map((id) => fleet.state(id)))
  await first[Symbol.asyncDispose]()

  const records = await openRecords(fleet.bus, BUCKETS.specs, View)
  const loaded = await loadViews(records, factLog)
  expect(loaded.foldedTo).toBe(event.upTo)
  expect(loaded.states.toSorted(byId).map((state) => SpecState.parse(state))).toEqual(states.toSorted(byId))

  await fleet.join()
  expect(await Promise.all(['one', 'two', 'three'].map((id) => fleet.state(id)))).toEqual(states)
})

test('without them, or with some missing, everything is folded again from the log', async () => {
  const records = await openRecords(fleet.bus, BUCKETS.specs, View)
  const before = await fleet.state('one')
  await records.delete('two')
  expect(await loadViews(records, factLog)).toEqual({ states: [], foldedTo: 0, broken: true })
  for (const { key } of await records.all()) await records.delete(key)
  expect(await loadViews(records, factLog)).toEqual({ states: [], foldedTo: 0, broken: true })
  const mended = new Promise((resolve) => fleet.onLog((event) => event.event === 'views.written' && resolve(event)))
  await fleet.join()
  expect(await fleet.state('one')).toEqual(before)
  await mended
  expect(await loadViews(records, factLog)).toMatchObject({ broken: false, states: { length: 3 } })
})

test('rubbish in the log of a spec is counted there, and changes nothing else', async () => {
  const before = await fleet.state('one')
  const other = await fleet.state('three')
  const envelope = (more: Partial<Envelope>): Envelope => ({
    v: 1,
    id: newMessageId(),
    type: 'spec.cancelled',
    specId: 'one' as SpecId,
    runId: '-',
    epoch: 0,
    seq: 0,
    at: new Date().toISOString(),
    by: 'api',
    data: {},
    ...more,
  })
  const publish = async (subject: string, data: string) => {
    await fleet.bus.request(subject, data, { timeoutMs: 5_000 })
  }
  await publish('sf.log.one.-.0.spec.cancelled', 'no json')
  await publish('sf.log.one.-.0.spec.cancelled', JSON.stringify(envelope({ specId: 'three' as SpecId })))
  await publish('sf.log.one.-.0.spec.cancelled', JSON.stringify(envelope({ type: 'spec.archived' })))
  await publish('sf.log.one.-.0.spec.levitated', JSON.stringify(envelope({ type: 'spec.levitated' })))
  const after = await fleet.state('one')
  expect(after.refused.count).toBe(before.refused.count + 3)
  expect({ ...after, refused: before.refused, foldedTo: before.foldedTo }).toEqual(before)
  expect(await fleet.state('three')).toEqual(other)
})

const byId = (a: SpecState, b: SpecState) => a.specId.localeCompare(b.specId)
