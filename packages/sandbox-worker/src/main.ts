#!/usr/bin/env node
import './plain-zod.ts'
import { startupSnapshot } from 'node:v8'
import { type Bus, SpecfleetError, toSpecfleetError, WAITING_WORKER } from '@specfleet/shared/boot'
import { arrive, sayReady } from './arrival.ts'
import { type Birth, readBirth } from './boot.ts'
import { systemClock as clock } from './clock.ts'
import { type Ending, endingOfError, exitCodeOf, sentenceOf } from './ending.ts'
import { CutWatch } from './link/cut.ts'
import type { Link } from './link.ts'
import { prepareSnapshot } from './snapshot.ts'

/** How long what was said last may take to leave. */
const GOODBYE_MS = 2_000
/** As a shell reports a process that SIGTERM ended. */
const EXIT_FORCED = 143

if (startupSnapshot.isBuildingSnapshot()) void prepareSnapshot(main)
else void main()

async function main(): Promise<void> {
  const ending = await live().catch(endingOfError)
  const sentence = sentenceOf(ending)
  if (sentence !== undefined) process.stderr.write(`specfleet-worker: ${sentence.replace(/\s+/g, ' ')}\n`)
  process.exit(exitCodeOf(ending))
}

/** Boots and does one run. */
async function live(): Promise<Ending> {
  const birth = await beBorn()
  using cut = new CutWatch(birth.cutLimitMs)
  const { bus, link } = await arrive(birth, cut)
  heedSignals(link)
  const ended = await takeOn(birth, bus, link, cut.signal).catch((thrown) =>
    endingOfError(cut.signal.aborted ? cut.signal.reason : thrown),
  )
  const said = sentenceOf(ended)
  if (said !== undefined) link.log(ended.kind === 'delivered' ? 'info' : 'error', said)
  await leave(bus, link, cut)
  return ended
}

/** At once, or when it is told. */
async function beBorn(): Promise<Birth> {
  const [, , flag, wire] = process.argv
  if (flag !== WAITING_WORKER.flag) return readBirth()
  const { awaitBirth } = await import('./wait.ts')
  return awaitBirth(wire)
}

async function takeOn(birth: Birth, bus: Bus, link: Link, life: AbortSignal): Promise<Ending> {
  const { assignment, toolEnv } = birth
  if (assignment instanceof SpecfleetError) return { kind: 'refused', error: assignment }
  await sayReady(link, assignment, birth)
  // Everything that a boot does not need is evaluated only now.
  const { work } = await import('./work.ts')
  return work({ assignment, toolEnv, bus, link, clock, life })
}

/** The first signal drains, the second ends the process at once. */
function heedSignals(link: Link): void {
  let heard = false
  const heed = () => {
    if (heard) process.exit(EXIT_FORCED)
    heard = true
    link.orders.order({ command: 'drain' })
  }
  process.on('SIGTERM', heed)
  process.on('SIGINT', heed)
}

/** Closes in order, as far as the bus still takes part in it. */
async function leave(bus: Bus, link: Link, cut: CutWatch): Promise<void> {
  if (cut.signal.aborted) return
  cut[Symbol.dispose]()
  const close = async () => {
    await link[Symbol.asyncDispose]()
    await bus.close()
  }
  try {
    await Promise.race([close(), clock.sleep(GOODBYE_MS, cut.signal)])
  } catch (thrown) {
    process.stderr.write(`specfleet-worker: ${toSpecfleetError(thrown).message}\n`)
  }
}
