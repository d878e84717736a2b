/**
 * `npm test`: every check there is, in order, each counted. Goes on after a failing one, and ends with one line
 * that tells how many passed and failed.
 *
 *   --unit            only tests that need no engine
 *   --only <pattern>  only test files whose path contains the pattern
 *   --fuzz            100,000 malformed messages instead of 20,000
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { TestCase, TestModule } from 'vitest/node'
import { addTallies, failed, NOTHING, passed, summary, type Tally } from './tally.ts'

const ROOT = join(import.meta.dirname, '..')
const BIN = join(ROOT, 'node_modules', '.bin')
const COLOURS = process.stdout.isTTY ? [] : ['--colors=off']

const CHECKS: readonly (readonly [name: string, tool: string, ...args: string[]])[] = [
  ['typecheck', 'tsc', '-p', '.'],
  ['lint', 'biome', 'ci', ...COLOURS],
  ['boundaries', 'biome', 'lint', '--only=style/noRestrictedImports', '--only=suspicious/noImportCycles', ...COLOURS],
]

process.chdir(ROOT)
const { values: flags } = parseArgs({
  options: { unit: { type: 'boolean' }, only: { type: 'string' }, fuzz: { type: 'boolean' } },
})
if (flags.fuzz === true) process.env.FUZZ_EACH = '25000'
const tallies: Tally[] = []
if (flags.only === undefined) for (const [name, tool, ...args] of CHECKS) tallies.push(await check(name, tool, args))
if (flags.unit !== true) tallies.push(await prepareEngines())
tallies.push(await runTests())

const total = tallies.reduce(addTallies, NOTHING)
for (const { test, reason } of total.skipped) console.log(`skipped: ${test}: ${reason}`)
for (const name of total.failed) console.log(`failed: ${name}`)
console.log(summary(total))
process.exit(total.failed.length === 0 ? 0 : 1)

/** Runs a tool of the project; a check counts as one test. */
async function check(name: string, tool: string, args: readonly string[]): Promise<Tally> {
  heading(name)
  const child = spawn(join(BIN, tool), args, { stdio: 'inherit' })
  const [code] = await once(child, 'exit')
  return code === 0 ? passed(1) : failed(name)
}

/** Fetches what the engines need once, rather than in every test file at the same time. */
async function prepareEngines(): Promise<Tally> {
  heading('engines')
  try {
    const { cacheFolder, findBubblewrap, findNatsServer } = await import('@specfleet/cli/embedded')
    const { findDockerForAll } = await import('../packages/testkit/src/docker.ts')
    const { platform, env } = process
    const search = {
      platform,
      path: env.PATH ?? '',
      cacheDir: cacheFolder({ platform, home: homedir(), xdgCacheHome: env.XDG_CACHE_HOME }),
      report: (line: string) => console.log(line),
      signal: new AbortController().signal,
    }
    const nats = await findNatsServer(search)
    console.log(`nats-server ${nats.version} (${nats.from})`)
    const bubblewrap = await findBubblewrap(search)
    console.log(
      bubblewrap.found === null ? `no bubblewrap: ${bubblewrap.reason}` : `bubblewrap ${bubblewrap.found.version}`,
    )
    const docker = await findDockerForAll(search.report)
    console.log(docker.kind === 'none' ? `no Docker: ${docker.reason}` : `docker ${docker.version}`)
    return passed(1)
  } catch (error) {
    console.error(error)
    return failed('engines')
  }
}

async function runTests(): Promise<Tally> {
  heading('tests')
  const { startVitest } = await import('vitest/node')
  const filters = flags.only === undefined ? [] : [flags.only]
  const projects = flags.unit === true ? { project: ['unit'] } : {}
  const vitest = await startVitest('test', filters, { run: true, watch: false, ...projects })
  const modules = vitest.state.getTestModules()
  const unhandled = vitest.state.getUnhandledErrors().map((_, index) => failed(`unhandled error ${index + 1}`))
  await vitest.close()
  if (modules.length === 0) return failed(`no test file matches ${filters.join(' ')}`)
  return [...modules.map(tallyOfModule), ...unhandled].reduce(addTallies, NOTHING)
}

function tallyOfModule(module: TestModule): Tally {
  const tests = [...module.children.allTests()].map(tallyOfTest)
  // a file or a suite can also fail outside its tests: while it loads, or in a hook
  const outside = [module, ...module.children.allSuites()].filter((suite) => suite.errors().length > 0)
  return [...tests, ...outside.map(() => failed(module.relativeModuleId))].reduce(addTallies, NOTHING)
}

function tallyOfTest(test: TestCase): Tally {
  const result = test.result()
  const name = `${test.module.relativeModuleId} > ${test.fullName}`
  if (result.state === 'passed') return passed(1)
  if (result.state === 'failed') return failed(name)
  const reason = result.state === 'skipped' ? (result.note ?? 'no reason given') : 'it never ran'
  return { ...NOTHING, skipped: [{ test: name, reason }] }
}

function heading(name: string): void {
  console.log(`\n── ${name} ──`)
}
