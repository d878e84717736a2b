/**
 * `npm run bench`: measures what we do beside what the bare engine does, in one run on one machine.
 *
 *   --only <name>   only that benchmark; may be given again
 *   --json          the figures for programs, on standard output
 *   --list          what there is to measure
 *
 * Exits with 1 when a target is missed. Ctrl-C ends it behind the measurement that runs, and everything is taken down.
 */
import { parseArgs } from 'node:util'
import type { Benchmark } from './benchmark.ts'
import { boot } from './boot.ts'
import { credentials } from './credentials.ts'
import { intake } from './intake.ts'
import { ledger } from './ledger.ts'
import { memory } from './memory.ts'
import { type Report, renderReport, reportAsJson, verdictOf } from './report.ts'
import { spawn } from './spawn.ts'
import { tunnel } from './tunnel.ts'

const BENCHMARKS: readonly Benchmark[] = [boot, spawn, tunnel, credentials, intake, ledger, memory]
const EXIT = { done: 0, missed: 1, usage: 2, stopped: 130 }

process.exitCode = await main()

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { only: { type: 'string', multiple: true }, json: { type: 'boolean' }, list: { type: 'boolean' } },
  })
  const names = BENCHMARKS.map(({ name }) => name)
  const unknown = values.only?.filter((name) => !names.includes(name)) ?? []
  if (unknown.length > 0) {
    console.error(`There is no benchmark "${unknown.join('", "')}"; there are: ${names.join(', ')}.`)
    return EXIT.usage
  }
  if (values.list === true) {
    for (const { name, about } of BENCHMARKS) console.log(`${name.padEnd(12)}${about}`)
    return EXIT.done
  }
  const report = await measure(BENCHMARKS.filter(({ name }) => values.only?.includes(name) ?? true))
  if (report === undefined) return EXIT.stopped
  console.log(values.json === true ? JSON.stringify(reportAsJson(report), null, 2) : renderReport(report).join('\n'))
  return report.some(({ figures }) => figures.some((each) => verdictOf(each) === 'miss')) ? EXIT.missed : EXIT.done
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
      report.push({ benchmark: name, figures: await run(stop.signal) })
      console.error(`${name}: measured in ${Math.round((performance.now() - startedAt) / 1000)} s`)
    }
    return report
  } catch (error) {
    // What was being measured may break in any way when its engines are told to end too.
    if (stop.signal.aborted) return undefined
    throw error
  }
}
