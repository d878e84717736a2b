/**
 * A worker that boots before there is work for it.
 *
 * 1. While it waits it holds no credential and no connection: there is nothing to steal, to sweep or to expire.
 * 2. It takes one environment and answers that it has; from then on it is like any other worker, also in what its
 *    process's environment says. Its way to the bus may be made only then.
 * 3. When its input ends before that, or who made its wire takes that away, nobody needs it any more. An engine that
 *    was killed may leave an input that never ends.
 */
import { writeSync } from 'node:fs'
import { socketPathOf, WAITING_WORKER } from '@specfleet/shared/boot'
import { type Birth, readBirth } from './boot.ts'
import { systemClock as clock } from './clock.ts'
import { rehearse } from './rehearsal.ts'
import { type WireWatch, watchWire } from './wire-watch.ts'

const STDOUT = 1
/** A way to the bus is made within a few milliseconds. A kernel of its own does not tell of it. */
const WIRE_LIMIT_MS = 50
/** With fewer an arrival takes up to four times as long; more take processor time and gain nothing. */
const ROUNDS = 5
/** As an input that ended. */
const NOTHING = ''

/**
 * @param wire the folder that its way to the bus will be in, where that is known
 * @throws SpecfleetError as `readBirth` does
 */
export async function awaitBirth(wire: string | undefined): Promise<Birth> {
  // What a run needs is evaluated now, so that nothing is left to load.
  await import('./work.ts')
  await rehearse(ROUNDS)
  using watch = watchWire(wire)
  say(WAITING_WORKER.waiting)
  const birth = readBirth(await Promise.race([firstLine(process.stdin), watch.gone.then(() => NOTHING)]))
  say(WAITING_WORKER.taken)
  await untilReachable(watch, birth.wire.BUS_URL)
  return birth
}

/** Who is not told that it is there finds out by dialling. */
async function untilReachable(watch: WireWatch, busUrl: string): Promise<void> {
  const path = socketPathOf(busUrl)
  if (path === undefined) return
  const there = new AbortController()
  await Promise.race([watch.there(path), clock.sleep(WIRE_LIMIT_MS, there.signal)])
  there.abort()
}

const say = (word: string): void => void writeSync(STDOUT, `${word}\n`)

/** The input is closed behind it. Empty when it ended before a line was whole. */
async function firstLine(input: NodeJS.ReadStream): Promise<string> {
  let text = ''
  input.setEncoding('utf8')
  for await (const chunk of input) {
    text += String(chunk)
    const end = text.indexOf('\n')
    if (end >= 0) return text.slice(0, end)
  }
  return ''
}
