/**
 * `npm run bench`: measures what we do beside what the bare engine does, in one run on one machine.
 *
 *   --only <name>   only that benchmark; may be given again
 *   --json          the figures for programs, on standard output
 *   --list          what there is to measure
 *   --sizes <n,…>   live runs that `scale` measures, 500,1000,2000,4000 unless told otherwise, or containers that
 *                   `idle-containers` does, 200 unless told otherwise
 *   --seconds <n>   how long either measures each, 60 unless told otherwise
 *
 * Those that take minutes are measured only when they are named.
 *
 * Exits with 1 when a target is missed. Ctrl-C ends it behind the measurement that runs, and everything is taken down.
 */
import { parseArgs } from 'node:util'
import type { Benchmark } from './benchmark.ts'
import { boot } from './boot.ts'
import { containers } from './containers.ts'
import { credentials } from './credentials.ts'
import { hostile } from './hostile.ts'
import { IDLE_DEFAULTS, idleContainers } from './idle-containers.ts'
import { intake } from './intake.ts'
import { ledger } from './ledger.ts'
import { leftovers } from './leftovers.ts'
import { many } from './many.ts'
import { manyContainers } from './many-containers.ts'
import { manySandboxes } from './many-sandboxes.ts'
import { memory } from './memory.ts'
import { recovery } from './recovery.ts'
import { anyMissed, type Report, renderReport, reportAsJson } from './report.ts'
import { SCALE_DEFAULTS, scale } from './scale.ts'
import { spawn } from './spawn.ts'
import { tunnel } from './tunnel.ts'

const QUICK: readonly Benchmark[] = [boot, spawn, tunnel, credentials, intake, ledger, memory]
const EXIT = { done: 0, missed: 1, usage: 2, stopped: 130 }

process.exitCode = await main()

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true },
      json: { type: 'boolean' },
      list: { type: 'boolean' },
      sizes: { type: 'string' },
      seconds: { type: 'string' },
    },
  })
  const idle = idleContainers(sized(values, IDLE_DEFAULTS))
  const scaled = scale(sized(values, SCALE_DEFAULTS))
  const benchmarks = [
    ...QUICK,
    containers,
    hostile,
    idle,
    leftovers,
    many,
    manyContainers,
    manySandboxes,
    recovery,
    scaled,
  ]
  const names = benchmarks.map(({ name }) => name)
  const unknown = values.only?.filter((name) => !names.includes(name)) ?? []
  if (unknown.length > 0) {
    console.error(`There is no benchmark "${unknown.join('", "')}"; there are: ${names.join(', ')}.`)
    return EXIT.usage
  }
  if (values.list === true) {
    for (const { name, about } of benchmarks) console.log(`${name.padEnd(17)}${about}`)
    return EXIT.done
  }
  const report = await measure(
    values.only === undefined ? QUICK : benchmarks.filter(({ name }) => values.only?.includes(name)),
  )
  if (report === undefined) return EXIT.stopped
  console.log(values.json === true ? JSON.stringify(reportAsJson(report), null, 2) : renderReport(report).join('\n'))
  return anyMissed(report) ? EXIT.missed : EXIT.done
}

type Sized = { readonly sizes: readonly number[]; readonly seconds: number }

function sized({ sizes, seconds }: { sizes?: string; seconds?: string }, otherwise: Sized): Sized {
  return {
    sizes: sizes?.split(',').map(Number) ?? otherwise.sizes,
    seconds: seconds === undefined ? otherwise.seconds : Number(seconds),
  }
}

/** `undefined` when it was told to stop. */
async function measure(benchmarks: readonly Benchmark[]): Promise<Report | undefined> {
  const stop = new AbortController()
  for (const each of ['SIGINT', 'SIGTERM'] as const) process.once(each, () => stop.abort(new Error('stopped')))
  const report: Report[number][] = []
  try {
    for (const { name, about, run } of benchmarks) {
      const startedAt = performance.now()
      console.error(`${name}: ${about}`)
      const measured = await run(stop.signal)
      report.push({ benchmark: name, ...('growth' in measured ? { figures: [], ...measured } : { figures: measured }) })
      console.error(`${name}: measured in ${Math.round((performance.now() - startedAt) / 1000)} s`)
    }
    return report
  } catch (error) {
    // What was being measured may break in any way when its engines are told to end too.
    if (stop.signal.aborted) return undefined
    throw error
  }
}
