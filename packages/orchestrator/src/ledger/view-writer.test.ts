import { setImmediate } from 'node:timers/promises'
import { type Held, type Records, SpecfleetError, SpecId, type SpecState } from '@specfleet/shared'
import { afterEach, expect, test } from 'vitest'
import { SpecLog } from '../../../shared/src/spec/spec-log.fixture.ts'
import { FakeClock } from '../../../testkit/src/fake-clock.ts'
import { Emitter } from '../emitter.ts'
import { openLog } from '../log.ts'
import type { LedgerChange } from './ledger.ts'
import { type View, ViewWriter } from './views.ts'

const CURSOR = 'ledger.cursor'
const quiet = openLog({ level: 'error', now: () => new Date(), write: () => {} })
const template = new SpecLog().submit().spec

/** A bucket in memory that can be slow, or refuse a key. */
class Bucket implements Pick<Records<View>, 'get' | 'create' | 'replace'> {
  readonly stored = new Map<string, Held<View>>()
  /** In the order in which they were written. */
  readonly writes: string[] = []
  readonly refuses = new Set<string>()
  underWay = 0
  most = 0

  async get(key: string) {
    return this.stored.get(key)
  }
  create(key: string, value: View) {
    return this.#write(key, value)
  }
  replace({ key }: Held<View>, value: View) {
    return this.#write(key, value)
  }

  async #write(key: string, value: View): Promise<Held<View>> {
    this.underWay += 1
    this.most = Math.max(this.most, this.underWay)
    await setImmediate()
    this.underWay -= 1
    if (this.refuses.has(key)) throw new SpecfleetError('bus.timeout', key)
    const held = { key, value, revision: this.writes.push(key) }
    this.stored.set(key, held)
    return held
  }
}

let open = new AsyncDisposableStack()
afterEach(async () => {
  await open[Symbol.asyncDispose]()
  open = new AsyncDisposableStack()
})

function setUp() {
  const [clock, bucket, states] = [new FakeClock(), new Bucket(), new Map<SpecId, SpecState>()]
  const changes = new Emitter<LedgerChange>()
  const ledger = {
    foldedTo: 0,
    spec: (id: SpecId) => states.get(id),
    specs: () => states.values(),
    onChange: (listener: (change: LedgerChange) => void) => changes.on(listener),
  }
  const writer = new ViewWriter(
    { records: bucket, ledger, clock, log: quiet, isWriter: () => true },
    { rewrite: false },
  )
  open.use(writer)
  const fold = (...names: string[]) => {
    for (const name of names) {
      ledger.foldedTo += 1
      const specId = SpecId.parse(name)
      states.set(specId, { ...template, specId, foldedTo: ledger.foldedTo })
    }
    changes.emit({ foldedTo: ledger.foldedTo, specs: new Set(), floods: [], refused: [] })
  }
  /** Lets so much time pass, and what is written then be written. */
  const pass = async (ms: number) => {
    clock.advance(ms)
    for (let turn = 0; turn < 50; turn++) await setImmediate()
  }
  const cursor = () => {
    const view = bucket.stored.get(CURSOR)?.value
    return view?.kind === 'cursor' ? { foldedTo: view.foldedTo, stored: view.stored } : undefined
  }
  return { bucket, fold, pass, cursor }
}

const specs = (count: number) => Array.from({ length: count }, (_, at) => `spec-${at}`)

test('a view follows within a tenth of a second, however many facts came; the cursor once a second, behind it', async () => {
  const { bucket, fold, pass, cursor } = setUp()
  fold('one', 'one', 'two')
  await pass(100)
  expect(bucket.writes).toEqual(['one', 'two', CURSOR])
  expect(cursor()).toEqual({ foldedTo: 3, stored: 2 })
  fold('one')
  await pass(100)
  expect(bucket.writes.slice(3)).toEqual(['one'])
  expect(cursor()).toEqual({ foldedTo: 3, stored: 2 })
  await pass(1_000)
  expect(bucket.writes.slice(4)).toEqual([CURSOR])
  expect(cursor()).toEqual({ foldedTo: 4, stored: 2 })
})

test('many are written at a time, but not all', async () => {
  const { bucket, fold, pass, cursor } = setUp()
  fold(...specs(200))
  await pass(100)
  expect(bucket.most).toBe(32)
  expect(cursor()).toEqual({ foldedTo: 200, stored: 200 })
})

test('while one view cannot be stored the others are, and the cursor does not speak of it', async () => {
  const { bucket, fold, pass, cursor } = setUp()
  bucket.refuses.add('spec-7')
  fold(...specs(50))
  await pass(100)
  expect(bucket.stored.size).toBe(49)
  expect(cursor()).toBeUndefined()
  bucket.refuses.clear()
  await pass(100)
  expect(bucket.stored.has('spec-7')).toBe(true)
  expect(bucket.writes).toHaveLength(51)
  expect(cursor()).toEqual({ foldedTo: 50, stored: 50 })
})
