import type { Bus, CallAddress, ServeCallsOptions } from '@specfleet/shared'
import { Epoch, newId, openCall, serveCalls, subjects } from '@specfleet/shared'
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { encodeFrame } from '../../packages/shared/src/bus/duplex/frames.ts'
import { condition, connectTo, runOf, startBus } from './bus-fixture.ts'

const runId = runOf('run1')
const epoch = Epoch.parse(2)
const LATE_MS = 60_000
const UNSERVED = 'a frame of a call that nobody serves'

// Only the clock that measures durations: timers go on as they do.
beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }))
afterEach(() => void vi.useRealTimers())

function address(call = newId()): CallAddress {
  return {
    call,
    open: subjects.desk(runId, epoch, 'blob'),
    up: subjects.deskFrames(runId, epoch, 'blob', call),
    down: subjects.down(runId, epoch, call),
  }
}
const ping = (seq = 1) => encodeFrame({ kind: 'ping', seq, payload: new Uint8Array() })

/** Adds up what servers tell of refusals; `wanted` says how many are waited for. */
function tally(wanted: number) {
  const told: string[] = []
  const all = condition(() => told.length >= wanted)
  const onRefused = (_: string, reason: string, count: number) => {
    told.push(...Array.from({ length: count }, () => reason))
    all.check()
  }
  return { told, met: all.met, onRefused }
}

async function serve(bus: Bus, options: Partial<ServeCallsOptions>): Promise<void> {
  const subject = subjects.desk('*', '*', 'blob')
  const handler = async ({ meta }: { meta: unknown }) => ({ meta })
  const server = serveCalls(bus, { subject, queue: 'desk', lateMs: LATE_MS, handler, ...options })
  onTestFinished(() => server[Symbol.asyncDispose]())
  await bus.flush()
}

test('a frame of a call that nobody serves is told once, by whichever server hears it', async () => {
  const { nats, bus: first } = await startBus()
  const [second, sandbox] = [await connectTo(nats), await connectTo(nats)]
  const sent = 3 * 10 + 40
  const { told, met, onRefused } = tally(sent)
  const end = Promise.withResolvers<void>()
  const handler = async () => {
    await end.promise
    return { meta: 'served' }
  }
  for (const bus of [first, second]) await serve(bus, { onRefused, handler, idleMs: 400 })

  // Who has just come cannot know whose calls there are.
  sandbox.publish(address().up, ping())
  await sandbox.flush()
  await Promise.all([first.flush(), second.flush()])
  vi.advanceTimersByTime(LATE_MS)

  const { up, ...honest } = address()
  let heard = 0
  const enough = condition(() => heard >= 16)
  first.subscribe(up, () => {
    heard += 1
    enough.check()
  })
  const asking = openCall(sandbox, { ...honest, up }, { meta: null }, { idleMs: 400 })
  await enough.met
  for (let n = 0; n < 3; n += 1) {
    const to = address()
    for (let seq = 0; seq < 10; seq += 1) sandbox.publish(to.up, ping(seq))
  }
  // More calls than anybody has: those that are too many are not asked about.
  for (let n = 0; n < 40; n += 1) sandbox.publish(address().up, 'rubbish')
  await met
  end.resolve()
  expect((await asking).meta).toBe('served')
  expect(told).toEqual(Array.from({ length: sent }, () => UNSERVED))
})

test('what is late is no stray: only what comes long behind the end of its call, or of very many others', async () => {
  const { nats, bus } = await startBus()
  const sandbox = await connectTo(nats)
  const { told, met, onRefused } = tally(3)
  await serve(bus, { onRefused, maxCallsPerPeer: 0 })
  await serve(bus, { onRefused, subject: subjects.desk('*', '*', 'memory') })
  vi.advanceTimersByTime(LATE_MS)
  const memory = (call = newId()): CallAddress => ({
    ...address(call),
    open: subjects.desk(runId, epoch, 'memory'),
    up: subjects.deskFrames(runId, epoch, 'memory', call),
  })

  // Who is refused says that it gives up: that is late, not stray.
  await expect(openCall(sandbox, address(), { meta: null })).rejects.toMatchObject({ code: 'duplex.refused' })
  expect(told).toHaveLength(1)

  const [pushedOut, late, overdue] = [memory(), memory(), memory()]
  await openCall(sandbox, pushedOut, { meta: null })
  for (let n = 0; n < 15; n += 1) await openCall(sandbox, memory(), { meta: null })
  await openCall(sandbox, late, { meta: null })
  sandbox.publish(late.up, ping())
  sandbox.publish(pushedOut.up, ping())
  await openCall(sandbox, overdue, { meta: null })
  // Who called may have said more than the answer needed: that comes before the time passes.
  await sandbox.flush()
  await bus.flush()
  vi.advanceTimersByTime(LATE_MS)
  sandbox.publish(overdue.up, ping())
  await met
  expect(told.slice(1)).toEqual([UNSERVED, UNSERVED])
})
