// Runs one of the project's programs on a fresh checkout: installs what is missing, then hands over to the
// pinned Node. Plain JavaScript without dependencies, because it runs before there are any.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const STAMP = join(ROOT, 'node_modules', '.specfleet-stamp')
const PINNED_NODE = join(ROOT, 'node_modules', '.bin', 'node')
const OLDEST_NODE = 20

/** The file of each program and its first arguments; what the user adds comes behind them. */
const PROGRAMS = {
  cli: { file: 'packages/cli/src/main.ts', first: [] },
  demo: { file: 'packages/cli/src/main.ts', first: ['demo'] },
  test: { file: 'scripts/test.ts', first: [] },
  bench: { file: 'test/bench/main.ts', first: [] },
  chaos: { file: 'packages/chaos/src/main.ts', first: [] },
}

/** @type {NodeJS.Signals[]} */
const PASSED_ON = ['SIGINT', 'SIGTERM', 'SIGHUP']

const EXIT = { usage: 2, configuration: 78 }

process.exitCode = await main(process.argv.slice(2))

/** @param {string[]} args */
async function main([name = '', ...args]) {
  const program = Object.hasOwn(PROGRAMS, name) ? PROGRAMS[name] : undefined
  if (program === undefined)
    return refuse(EXIT.usage, `Usage: bootstrap.mjs ${Object.keys(PROGRAMS).join('|')} [arguments]`)
  if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE) {
    return refuse(EXIT.configuration, `Specfleet needs Node ${OLDEST_NODE} or newer; this is ${process.version}.`)
  }
  const lock = lockHash()
  if (!isInstalled(lock)) {
    const code = await install()
    if (code !== 0) return refuse(EXIT.configuration, 'The dependencies could not be installed; npm says why above.')
    writeFileSync(STAMP, lock)
  }
  return run(PINNED_NODE, [join(ROOT, program.file), ...program.first, ...args])
}

function lockHash() {
  return createHash('sha256')
    .update(readFileSync(join(ROOT, 'package-lock.json')))
    .digest('hex')
}

/** @param {string} lock */
function isInstalled(lock) {
  return existsSync(PINNED_NODE) && existsSync(STAMP) && readFileSync(STAMP, 'utf8') === lock
}

async function install() {
  const startedAt = Date.now()
  process.stderr.write('Installing dependencies … ')
  const options = { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] }
  const code = await run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], options)
  if (code === 0) process.stderr.write(`done in ${Math.round((Date.now() - startedAt) / 1000)} s\n`)
  return code
}

/**
 * Runs a program in the foreground and gives its exit code. Signals to this process are passed on, but for the
 * terminal's Ctrl-C, which reaches the program by itself: twice would force what once should drain.
 * @param {string} command @param {string[]} args @param {import('node:child_process').SpawnOptions} [options]
 * @returns {Promise<number>}
 */
function run(command, args, options = { stdio: 'inherit' }) {
  return new Promise((resolve) => {
    const child = spawn(command, args, options)
    /** @param {NodeJS.Signals} signal */
    const pass = (signal) => {
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    }
    for (const signal of PASSED_ON) process.on(signal, pass)
    child.once('error', (error) => {
      process.stderr.write(`${command} could not be started: ${error.message}\n`)
      resolve(EXIT.configuration)
    })
    child.once('exit', (code, signal) => {
      for (const passed of PASSED_ON) process.off(passed, pass)
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]))
    })
  })
}

/** @param {number} code @param {string} sentence */
function refuse(code, sentence) {
  process.stderr.write(`${sentence}\n`)
  return code
}
