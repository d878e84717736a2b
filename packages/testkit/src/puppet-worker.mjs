// A worker that does what a test tells it over the bus: it stands in for the worker bundle where only the
// sandbox is under test. What crosses the wire has to be the bus's protocol: each message is one frame with JSON in it.
import { once } from 'node:events'
import { closeSync, existsSync, readFileSync, unlinkSync, watch, writeSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname } from 'node:path'

const file = process.env.SPECFLEET_ENV_FILE
if (file === undefined) process.exit(78)

const descriptor = /^\/proc\/self\/fd\/(\d+)$/.exec(file)?.[1]
const waits = process.argv.includes('--wait')
let text
try {
  text = waits ? await waitForLine() : readFileSync(descriptor === undefined ? file : Number(descriptor), 'utf8')
} catch {
  console.error(`no environment in ${file}`)
  process.exit(78)
}
// Like the worker, when whoever should have told it what it is closed the descriptor instead.
if (text === '') process.exit(79)
if (descriptor === undefined) unlinkSync(file)
else if (!waits) closeSync(Number(descriptor))
const env = JSON.parse(text)
const socket = env.BUS_URL.replace(/^unix:/, '')
if (waits) {
  writeSync(1, 'taken\n')
  await untilThere(socket)
}

/** What it is to be is told to it later; nothing when its input ends before that. */
async function waitForLine() {
  writeSync(1, 'waiting\n')
  let said = ''
  for await (const chunk of process.stdin.setEncoding('utf8')) {
    said += chunk
    if (said.includes('\n')) return said.slice(0, said.indexOf('\n'))
  }
  return ''
}

/** Its way to the bus may be made only when it has taken its run. */
async function untilThere(path) {
  const watcher = watch(dirname(path))
  try {
    while (!existsSync(path)) await once(watcher, 'change')
  } finally {
    watcher.close()
  }
}

let bus
const say = (message) => {
  const text = JSON.stringify(message)
  bus.write(`PUB puppet ${Buffer.byteLength(text)}\r\n${text}\r\n`)
}
dial()

function dial() {
  let rest = ''
  bus = connect(socket)
  bus.setEncoding('utf8')
  bus.on('connect', () =>
    say({ hello: { env, pid: process.pid, uid: process.getuid(), environ: process.env, argv: process.argv } }),
  )
  bus.on('data', (chunk) => {
    const lines = (rest + chunk).split('\r\n')
    rest = lines.pop()
    // Between the payloads stand the control lines of their frames.
    for (const line of lines) if (line.startsWith('{')) void answer(JSON.parse(line))
  })
  bus.on('error', (error) => console.error(`bus: ${error.message}`))
  bus.on('close', () => {
    if (env.PUPPET_STAYS === undefined) process.exit(69)
    setTimeout(dial, 20)
  })
}

async function answer({ call, code }) {
  try {
    say({ call, value: (await run(code)) ?? null })
  } catch (error) {
    say({ call, error: String(error) })
  }
}

/** The body of an async function that may import whatever Node has. */
function run(code) {
  return new Function('env', `return (async () => {${code}})()`)(env)
}
