import { expect, test } from 'vitest'
import { FakeClock } from '../../../testkit/src/fake-clock.ts'
import { Emitter } from '../emitter.ts'
import { LONGEST_START_MS, type Start, Starts } from './starts.ts'

const forever = new AbortController().signal

function stage(atOnce: number) {
  const clock = new FakeClock()
  const starts = new Starts({ clock }, { atOnce })
  return { clock, starts, next: () => opened(starts.next(forever)) }
}

async function opened(start: Promise<Start | 'closed'>): Promise<Start> {
  const turn = await start
  if (turn === 'closed') throw new Error('no turn came')
  return turn
}

class FakeBoot {
  readonly changes = new Emitter<void>()
  over = false
  isOver = () => this.over
  onChange = (look: () => void) => this.changes.on(look)
  finish(): void {
    this.over = true
    this.changes.emit()
  }
}

/** Whether it has settled once everything that is due has run. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false
  void promise.finally(() => {
    settled = true
  })
  await new Promise((resolve) => setImmediate(resolve))
  return settled
}

test('a start lasts until its boot is over, however its maker goes on', async () => {
  const { clock, next } = stage(1)
  const boot = new FakeBoot()
  {
    using start = await next()
    start.boots(boot, forever)
  }
  const second = next()
  boot.changes.emit()
  expect(await isSettled(second)).toBe(false)
  boot.finish()
  const third = await second
  third[Symbol.dispose]()
  expect(clock.pending).toBe(0)
})

test('one that comes to no boot ends with its maker', async () => {
  const { next } = stage(1)
  {
    using _start = await next()
  }
  await next()
})

test('a boot that hangs holds up others for so long, and no longer', async () => {
  const { clock, next } = stage(1)
  const start = await next()
  start.boots(new FakeBoot(), forever)
  const second = next()
  clock.advance(LONGEST_START_MS - 1)
  expect(await isSettled(second)).toBe(false)
  clock.advance(1)
  await second
})

test('who waits is sent away when nothing is started any more, and who started goes on', async () => {
  const { clock, starts, next } = stage(1)
  const boot = new FakeBoot()
  const start = await next()
  const waiting = starts.next(forever)
  starts.close()
  expect(await waiting).toBe('closed')
  expect(await starts.next(forever)).toBe('closed')
  start.boots(boot, forever)
  boot.finish()
  expect(clock.pending).toBe(0)
})

test('at the end of its owner a boot is watched no more', async () => {
  const { clock, next } = stage(1)
  const end = new AbortController()
  const start = await next()
  start.boots(new FakeBoot(), end.signal)
  end.abort(new Error('the end'))
  expect(clock.pending).toBe(0)
  await next()
})

test('what is made ahead of need waits until nothing starts, and then is a start itself', async () => {
  const { starts, next } = stage(1)
  const boot = new FakeBoot()
  {
    using start = await next()
    start.boots(boot, forever)
  }
  const spare = starts.spare(forever)
  expect(await isSettled(spare)).toBe(false)
  boot.finish()
  const turn = await spare
  const behind = next()
  expect(await isSettled(behind)).toBe(false)
  if (turn !== 'closed') turn[Symbol.dispose]()
  await behind
})

test('nothing is made ahead of need once nobody starts any more', async () => {
  const { starts, next } = stage(1)
  using _start = await next()
  const spare = starts.spare(forever)
  const called = new AbortController()
  const calledOff = starts.spare(called.signal)
  called.abort(new Error('called off'))
  await expect(calledOff).rejects.toThrow('called off')
  starts.close()
  expect(await spare).toBe('closed')
})

test('what an engine takes too long to make, ahead of need or not, holds up others no more', async () => {
  const { clock, starts, next } = stage(1)
  using _slow = await next()
  const second = next()
  clock.advance(10_000)
  const other = await second
  other[Symbol.dispose]()
  const spare = await starts.spare(forever)
  expect(spare).not.toBe('closed')
  const third = next()
  expect(await isSettled(third)).toBe(false)
  clock.advance(LONGEST_START_MS)
  expect(await isSettled(third)).toBe(true)
})
