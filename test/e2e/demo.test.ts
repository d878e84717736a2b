import { execFile } from 'node:child_process'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { embeddedAddress } from '../../packages/cli/src/embedded/nats.ts'
import { FleetClient } from '../../packages/cli/src/fleet/client.ts'
import { connectTo } from '../../packages/cli/src/fleet/connect.ts'
import { SpecId } from '../../packages/shared/src/index.ts'
import { settled, untilFacts } from '../../packages/testkit/src/fleet-waits.ts'
import { expectNothingLeft } from '../../packages/testkit/src/leaks.ts'
import { emptyHome, runCommand, startCommand } from './command-line.ts'
import { PHASES } from './plans.ts'
import { manyFiles, NOTES_SPEC, repositoryOf, SMALL_SERVICE } from './repositories.ts'

const run = promisify(execFile)
const LIMIT_MS = 20_000
const TABLES = ['Requirements', 'Design', 'Tickets, layer by layer', 'Traceability']

test('the demo on the bundled example', () => demonstrate())

test('the demo on this repository', async () => {
  await using clone = await repositoryOf({})
  const here = fileURLToPath(new URL('../..', import.meta.url))
  await run('git', ['clone', '--quiet', here, join(clone.path, 'clone')])
  await demonstrate('--source', join(clone.path, 'clone'))
})

test('the demo on a repository of 3,000 files', async () => {
  await using source = await repositoryOf(manyFiles(3_000))
  await demonstrate('--source', source.path)
})

/** As a user runs it, without a terminal. */
async function demonstrate(...flags: string[]): Promise<void> {
  await using home = await emptyHome()
  const { code, stdout, stderr, ms } = await runCommand(['demo', ...flags], home.env)
  console.log(`specfleet demo ${flags.join(' ')}: ${(ms / 1000).toFixed(1)} s`)
  expect(code, stderr).toBe(0)
  for (const phase of PHASES) expect(stdout).toMatch(new RegExp(`${phase} completed, score `))
  for (const table of TABLES) expect(stdout).toContain(`\n${table}\n`)
  expect(stdout).toContain('no key, no real model')
  expect(stdout).toMatch(/took \d+\.\d s from the queue to the plan/)
  const folder = /^plan (\S+)$/m.exec(stdout)?.[1] ?? ''
  const files = await readdir(folder)
  expect(files.sort()).toEqual([...PHASES.map((phase) => `${phase}.json`), 'plan.md', 'tickets.json'].sort())
  for (const file of files) expect((await stat(join(folder, file))).size).toBeGreaterThan(100)
  expect(JSON.parse(await readFile(join(folder, 'tickets.json'), 'utf8')).length).toBeGreaterThan(5)
  expect(ms).toBeLessThan(LIMIT_MS)
}

test('a demo that is interrupted leaves nothing but what the next one goes on from', async () => {
  await using home = await emptyHome()
  const demo = startCommand(['demo'], home.env)
  await demo.says('epoch 1 begins')
  demo.interrupt()
  const { code, stderr } = await demo.ended
  expect({ code, last: stderr.trim().split('\n').at(-1) }).toEqual({ code: 130, last: 'interrupted' })
  await expectNothingLeft({ home: home.path, runIds: [] })

  const up = startCommand(['up', '--json'], home.env)
  await up.logs('run.settled')
  up.interrupt()
  expect((await up.ended).code).toBe(0)
})

test('two `up` on one NATS share the work', async () => {
  await using home = await emptyHome()
  await using source = await repositoryOf(SMALL_SERVICE)
  const ups = [1, 2].map(() => startCommand(['up', '--slots', '1', '--upstream', 'offline'], home.env))
  try {
    await Promise.all(ups.map((up) => up.says('takes work on')))
    const address = await embeddedAddress(home.path)
    if (address === undefined) throw new Error('there is no embedded server')
    await using bus = await connectTo({ url: address.url, credsFile: address.keys.clientCreds })
    const client = new FleetClient(bus)
    const ids = [1, 2, 3, 4, 5, 6].map((n) => SpecId.parse(`shared-${n}`))
    for (const specId of ids)
      await client.submit({ kind: 'spec', specId, text: NOTES_SPEC, source: { git: source.path } })
    const logs = await Promise.all(ids.map((id) => untilFacts(client, id, settled)))
    expect(logs.map((facts) => facts.at(-1)?.data)).toMatchObject(ids.map(() => ({ outcome: 'done' })))
    const owners = logs.flat().flatMap((fact) => (fact.type === 'run.claimed' ? [fact.data.owner] : []))
    expect(owners).toHaveLength(ids.length)
    expect(new Set(owners).size).toBe(2)
  } finally {
    for (const up of ups) up.interrupt()
    expect((await Promise.all(ups.map(({ ended }) => ended))).map(({ code }) => code)).toEqual([0, 0])
  }
})
