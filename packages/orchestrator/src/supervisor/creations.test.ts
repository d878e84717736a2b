import type { Held, RunRecord } from '@specfleet/shared'
import { SpecfleetError, TaskInput, withIds } from '@specfleet/shared'
import { expect, test } from 'vitest'
import { claimOf } from '../intake/admission.ts'
import { Creations } from './creations.ts'

const run = (taskId: string, text = 'x') =>
  claimOf(
    withIds(TaskInput.parse({ kind: 'prompt', text, taskId }), () => expect.unreachable('it has an id')),
    null,
    1,
    new Date(0),
  )

/** Records in memory, all or none of a batch, with what was asked of them. */
class FakeRecords {
  readonly held = new Map<string, Held<RunRecord>>()
  readonly writes: string[][] = []
  away = false

  async create(key: string, value: RunRecord): Promise<Held<RunRecord> | 'exists'> {
    if (this.away) throw new SpecfleetError('bus.unreachable', 'away')
    this.writes.push([key])
    if (this.held.has(key)) return 'exists'
    return this.#hold(key, value)
  }

  async createTogether(entries: readonly { key: string; value: RunRecord }[]): Promise<Held<RunRecord>[]> {
    if (this.away) throw new SpecfleetError('bus.unreachable', 'away')
    this.writes.push(entries.map(({ key }) => key))
    if (entries.some(({ key }) => this.held.has(key))) throw new SpecfleetError('bus.conflict', 'one exists')
    return entries.map(({ key, value }) => this.#hold(key, value))
  }

  #hold(key: string, value: RunRecord): Held<RunRecord> {
    const held = { key, value, revision: this.held.size + 1 }
    this.held.set(key, held)
    return held
  }
}

test('what is asked for at the same time is one write', async () => {
  const records = new FakeRecords()
  const creations = new Creations(records)
  const all = Array.from({ length: 300 }, (_, n) => creations.create(run(`r${n}`)))
  const created = await Promise.all(all)
  expect(records.writes.map((keys) => keys.length)).toEqual([256, 44])
  expect(created).toEqual(Array.from({ length: 300 }, (_, n) => records.held.get(`r${n}`)))
})

test('one that exists already keeps nobody else from being created, once each', async () => {
  const records = new FakeRecords()
  const creations = new Creations(records)
  await creations.create(run('b'))
  const created = await Promise.all(['a', 'b', 'c', 'a'].map((id) => creations.create(run(id))))
  expect(created).toEqual([records.held.get('a'), 'exists', records.held.get('c'), 'exists'])
  expect(records.held.size).toBe(3)
})

test('no write is larger than the server takes at a time', async () => {
  const records = new FakeRecords()
  const creations = new Creations(records)
  const text = 'x'.repeat(250_000)
  await Promise.all(Array.from({ length: 40 }, (_, n) => creations.create(run(`r${n}`, text))))
  expect(Math.max(...records.writes.map((keys) => keys.length))).toBe(16)
})

test('whoever wanted a record is told when the bus is away, and the next one is written again', async () => {
  const records = new FakeRecords()
  const creations = new Creations(records)
  records.away = true
  const failed = await Promise.allSettled([creations.create(run('a')), creations.create(run('b'))])
  expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  records.away = false
  expect(await creations.create(run('a'))).toMatchObject({ key: 'a' })
})
