// A worker that does what a test tells it over the bus: it stands in for the worker bundle where only the
// sandbox is under test. One JSON object a line in both directions.
import { readFileSync, unlinkSync } from 'node:fs'
import { connect } from 'node:net'

const file = process.env.SPECFLEET_ENV_FILE
if (file === undefined) process.exit(78)

let text
try {
  text = readFileSync(file, 'utf8')
} catch {
  console.error(`no environment in ${file}`)
  process.exit(78)
}
unlinkSync(file)
const env = JSON.parse(text)
if (env.PUPPET_FIRST !== undefined) await run(env.PUPPET_FIRST)

const bus = connect(env.BUS_URL.replace(/^unix:/, ''))
bus.setEncoding('utf8')
const say = (message) => bus.write(`${JSON.stringify(message)}\n`)
bus.on('error', (error) => {
  console.error(`bus: ${error.message}`)
  process.exit(69)
})
bus.on('close', () => process.exit(69))

let rest = ''
bus.on('data', async (chunk) => {
  const lines = (rest + chunk).split('\n')
  rest = lines.pop()
  for (const line of lines) {
    const { call, code } = JSON.parse(line)
    try {
      say({ call, value: (await run(code)) ?? null })
    } catch (error) {
      say({ call, error: String(error) })
    }
  }
})
say({ hello: { env, pid: process.pid, uid: process.getuid(), environ: process.env, argv: process.argv } })

/** The body of an async function that may import whatever Node has. */
function run(code) {
  return new Function('env', `return (async () => {${code}})()`)(env)
}
