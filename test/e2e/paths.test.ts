import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Fleet, startFleet } from '../../packages/testkit/src/fleet.ts'
import { settled } from '../../packages/testkit/src/fleet-waits.ts'
import { runCommand } from './command-line.ts'
import { PHASES, planOf } from './plans.ts'
import { ALARM_SPEC, NOTES_SPEC, repositoryOf, SMALL_SERVICE, type TemporaryRepository } from './repositories.ts'

let fleet: Fleet
let source: TemporaryRepository
beforeAll(async () => {
  fleet = await startFleet()
  source = await repositoryOf(SMALL_SERVICE)
})
afterAll(async () => {
  await using _source = source
  await using ended = fleet
  await ended.endInOrder()
})
beforeEach(({ onTestFailed }) => onTestFailed(() => fleet.printLogs()))

const pathOf = async (specId: string) => {
  const facts = await fleet.until(specId, settled)
  const ready = facts.find((fact) => fact.type === 'run.ready')
  return { end: facts.at(-1)?.data, path: ready?.data.path }
}

test('the phase machine plans different specs differently, and the same spec the same', async () => {
  const specs = { 'plan-1': NOTES_SPEC, 'plan-2': ALARM_SPEC, 'plan-3': NOTES_SPEC }
  const ids = Object.entries(specs).map(async ([specId, text]) => {
    await fleet.client.submit({ kind: 'spec', specId, text, source: { git: source.path } })
    expect(await pathOf(specId)).toMatchObject({ path: 'phases', end: { outcome: 'done' } })
    return planOf(await fleet.state(specId))
  })
  const [notes, alarms, again] = await Promise.all(ids)
  expect(Object.keys(notes ?? {})).toEqual(PHASES)
  expect(again).toEqual(notes)
  for (const phase of ['requirements', 'design', 'tasks', 'sync']) expect(alarms?.[phase]).not.toEqual(notes?.[phase])
  expect(JSON.stringify(alarms?.requirements)).toContain('80 degrees')
})

test.each<[string, Record<string, string>]>([
  ['a README alone', { 'README.md': '# Notes\n' }],
  ['one file of code', { 'main.py': 'print(1)\n' }],
  ['no text at all', { 'picture.bin': '\0\u0001\u0002' }],
])('a repository that holds %s can be planned in', async (what, files) => {
  await using small = await repositoryOf(files)
  const specId = what.replaceAll(' ', '-')
  await fleet.client.submit({ kind: 'spec', specId, text: NOTES_SPEC, source: { git: small.path } })
  expect(await pathOf(specId)).toMatchObject({ end: { outcome: 'done' } })
})

test('the prompt path lets the agent drive through the same gates', async () => {
  const file = join(fleet.home, 'notes-by-prompt.md')
  await writeFile(file, NOTES_SPEC)
  const flags = ['--spec', file, '--source', source.path, '--skill', '--watch']
  const { code, stdout, stderr } = await runCommand(['submit', ...flags], fleet.cliEnv)
  expect(code, stderr).toBe(0)
  expect(stdout).toContain('settled: done')
  expect(await pathOf('notes-by-prompt')).toMatchObject({ path: 'prompt', end: { outcome: 'done' } })
  const state = await fleet.state('notes-by-prompt')
  expect(state.lifecycle).toBe('planned')
  expect(Object.keys(state.results)).toEqual(PHASES)
  expect(Object.keys(state.tickets).length).toBeGreaterThan(0)
})

test('a plain prompt is answered', async () => {
  const { specId } = await fleet.client.submit({
    kind: 'prompt',
    text: 'What is in this folder?',
    source: { git: source.path },
  })
  expect(await pathOf(specId)).toMatchObject({ path: 'plain', end: { outcome: 'done' } })
})

test.each([
  ['the phase machine', []],
  ['the prompt path', ['--skill']],
])('a spec with nothing to derive from fails its gate on %s, and says why', async (_, flags) => {
  const file = join(fleet.home, `empty-talk${flags.length}.md`)
  await writeFile(file, '# Weather\n\n## Background\n\nWhat do you think?\n')
  const args = ['submit', '--spec', file, '--source', source.path, '--watch', ...flags]
  const { code, stderr } = await runCommand(args, fleet.cliEnv)
  expect(code).toBe(1)
  expect(stderr).toContain('the run failed: ')
  expect(stderr).toContain('there is no requirement: the spec must say what the system does')
  const state = await fleet.state(`empty-talk${flags.length}`)
  expect(state.lifecycle).toBe('failed')
  expect(Object.keys(state.tickets)).toEqual([])
})
