import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Fleet, startFleet } from '../../packages/testkit/src/fleet.ts'
import { settled } from '../../packages/testkit/src/fleet-waits.ts'
import { emptyHome, runCommand } from './command-line.ts'
import { PHASES } from './plans.ts'
import { NOTES_SPEC, repositoryOf, SMALL_SERVICE, type TemporaryRepository } from './repositories.ts'

let fleet: Fleet
let source: TemporaryRepository
let runId: string
beforeAll(async () => {
  fleet = await startFleet()
  source = await repositoryOf(SMALL_SERVICE)
  const task = { kind: 'spec', specId: 'planned', text: NOTES_SPEC, source: { git: source.path } }
  ;({ runId } = await fleet.client.submit(task))
  await fleet.until('planned', settled)
})
afterAll(async () => {
  await using _source = source
  await using ended = fleet
  await ended.endInOrder()
})
beforeEach(({ onTestFailed }) => onTestFailed(() => fleet.printLogs()))

async function succeeds(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand(args, fleet.cliEnv)
  expect(code, stderr).toBe(0)
  return stdout
}

const jsonLines = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

test('every command explains itself', async () => {
  const help = await succeeds('--help')
  const commands =
    help
      .slice(help.indexOf('Commands:'))
      .match(/^ {2}([a-z]+) /gm)
      ?.map((line) => line.trim()) ?? []
  expect(commands).toEqual(
    expect.arrayContaining(['demo', 'up', 'submit', 'watch', 'list', 'show', 'logs', 'cancel', 'doctor']),
  )
  const helps = await Promise.all(commands.filter((name) => name !== 'help').map((name) => succeeds(name, '--help')))
  for (const text of helps) expect(text).toMatch(/^Usage: specfleet [a-z]+ /)
})

test.each([
  ['no such command', ['fly']],
  ['no such option', ['list', '--everything']],
  ['a missing argument', ['show']],
  ['a choice that is none', ['submit', '--prompt', 'x', '--priority', 'urgent']],
  ['nothing to submit', ['submit']],
  ['a reason that is missing', ['reject', 'planned']],
  ['a spec that nobody knows', ['show', 'nobody']],
  ['an id that is none', ['show', 'no.such>id']],
])('%s is a fault of usage', async (_, args) => {
  const { code, stdout, stderr } = await runCommand(args, fleet.cliEnv)
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr.trim()).not.toBe('')
})

test('without a bus every command that needs one ends with 69 and says what to do', async () => {
  await using home = await emptyHome()
  for (const args of [['list'], ['show', 'x'], ['submit', '--prompt', 'x'], ['watch', 'x'], ['cancel', 'x']]) {
    const { code, stdout, stderr } = await runCommand(args, home.env)
    expect({ code, stdout }).toEqual({ code: 69, stdout: '' })
    expect(stderr).toContain('specfleet up')
  }
})

test('the doctor finds this machine fit', async () => {
  const text = await succeeds('doctor')
  for (const name of ['node', 'git', 'nats-server', 'bubblewrap', 'fleet'])
    expect(text).toMatch(new RegExp(`✓ ${name} `))
  expect(JSON.parse(await succeeds('doctor', '--json'))).toEqual(
    expect.arrayContaining([{ name: 'fleet', ok: true, says: '1 orchestrator alive, 4 slots' }]),
  )
})

test('lists tell specs, runs, orchestrators and dead letters, to people and to programs', async () => {
  expect(await succeeds('list')).toMatch(/planned +planned .*Shared notes/)
  expect(await succeeds('list', 'runs')).toMatch(new RegExp(`${runId} +planned +spec +done`))
  expect(await succeeds('list', 'orchestrators')).toContain(fleet.members[0]?.id)
  expect(await succeeds('list', 'dead')).toContain('no dead letters')
  expect(JSON.parse(await succeeds('list', '--json'))).toMatchObject([{ specId: 'planned', lifecycle: 'planned' }])
  expect(JSON.parse(await succeeds('list', 'runs', '--json'))).toMatchObject([{ runId, outcome: 'done', epoch: 1 }])
  expect(JSON.parse(await succeeds('list', 'orchestrators', '--json'))).toMatchObject([{ slots: 4, draining: false }])
  expect(JSON.parse(await succeeds('list', 'dead', '--json'))).toEqual([])
})

test('a spec is shown by its id or its run', async () => {
  const text = await succeeds('show', 'planned')
  expect(text).toContain('Tickets, layer by layer')
  expect(text).toMatch(new RegExp(`${runId} +spec +done`))
  const shown = JSON.parse(await succeeds('show', runId, '--json'))
  expect(shown).toMatchObject({ spec: { specId: 'planned', lifecycle: 'planned' }, runs: [{ runId }] })
})

test('the log tells what the worker did, as text and as lines of JSON', async () => {
  const text = await succeeds('logs', 'planned')
  expect(text).toContain('hand_in_requirements')
  expect(text).toContain('settled: done')
  const types = jsonLines(await succeeds('logs', runId, '--json')).map(({ type }) => type)
  expect(types).toEqual(
    expect.arrayContaining(['run.ready', 'model.called', 'tool.called', 'phase.completed', 'run.settled']),
  )
})

test('who watches a run that has ended sees it and gets its exit code', async () => {
  expect(await succeeds('watch', 'planned')).toContain('settled: done')
  const facts = jsonLines(await succeeds('watch', 'planned', '--json'))
  expect(facts.at(0)).toMatchObject({ type: 'spec.submitted' })
  expect(facts.at(-1)).toMatchObject({ type: 'run.settled', data: { outcome: 'done' } })
})

test('a plan is exported', async () => {
  const out = join(fleet.home, 'exported')
  expect(await succeeds('export', 'planned', '--out', out)).toContain(out)
  expect((await readdir(out)).sort()).toEqual(
    [...PHASES.map((phase) => `${phase}.json`), 'plan.md', 'tickets.json'].sort(),
  )
  expect(await readFile(join(out, 'plan.md'), 'utf8')).toContain('THE SYSTEM SHALL')
})

test('a task that was submitted is told again, not run again', async () => {
  const file = join(fleet.home, 'once.md')
  await writeFile(file, NOTES_SPEC)
  const submit = () => succeeds('submit', '--spec', file, '--task', 'task-cli', '--source', source.path, '--json')
  expect(JSON.parse(await submit())).toMatchObject({ ok: true, specId: 'once', state: 'queued' })
  await fleet.until('once', settled)
  expect(JSON.parse(await submit())).toMatchObject({ specId: 'once', state: 'settled' })
  const refused = await runCommand(['approve', 'once'], fleet.cliEnv)
  expect(refused.code).toBe(1)
  expect(refused.stderr).toContain('command.refused')
})
