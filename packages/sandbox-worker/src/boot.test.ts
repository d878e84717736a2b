import { existsSync, fstatSync, openSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encodePhaseContext, SpecfleetError } from '@specfleet/shared'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { type Assignment, readBirth } from './boot.ts'

const CREDS = Buffer.from('-----BEGIN NATS USER JWT-----').toString('base64')
const complete = {
  SPEC_ID: 'orders',
  SPEC_PHASE: 'explore',
  PROJECT_ID: 'shop',
  TASK_ID: 'task-1',
  RUN_ID: 'task-1',
  RUN_EPOCH: '2',
  SANDBOX_ID: 'task-1-2',
  BUS_URL: 'unix:/run/sf/bus.sock',
  BUS_CREDS_B64: CREDS,
  MODEL: 'claude-sonnet-5-5',
  WORKSPACE: '/work/source',
}

const kept = { ...process.env }
const setEnv = (variables: Record<string, string>) => {
  for (const name of Object.keys(process.env)) delete process.env[name]
  Object.assign(process.env, { PATH: '/bin', HOME: '/home/worker', SECRET: 'x', ...variables })
}
beforeEach(() => setEnv(complete))
afterEach(() => setEnv(Object.fromEntries(Object.entries(kept).map(([name, value]) => [name, value ?? '']))))

const assigned = (): Assignment => {
  const { assignment } = readBirth()
  if (assignment instanceof SpecfleetError) throw assignment
  return assignment
}
const refused = (variables: Record<string, string>): unknown => {
  setEnv({ ...complete, ...variables })
  return readBirth().assignment
}

describe('readBirth', () => {
  it('reads what to do, and takes the credentials out of the environment', () => {
    const birth = readBirth()
    expect(birth.wire).toMatchObject({ RUN_EPOCH: 2, BUS_CREDS_B64: CREDS })
    expect(birth.assignment).toMatchObject({ path: 'phases', context: undefined })
    expect(process.env).not.toHaveProperty('BUS_CREDS_B64')
    expect(birth.cutLimitMs).toBe(60_000)
  })

  it('lets tools see three variables and no other', () => {
    expect(readBirth().toolEnv).toEqual({ PATH: '/bin', HOME: '/home/worker', LANG: 'C.UTF-8' })
  })

  it('takes a file for the environment, once', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'specfleet-env-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const file = join(folder, 'env.json')
    await writeFile(file, JSON.stringify(complete), { mode: 0o600 })
    setEnv({ SPECFLEET_ENV_FILE: file })
    expect(assigned().env).toMatchObject({ SPEC_ID: 'orders', RUN_EPOCH: 2 })
    expect(existsSync(file)).toBe(false)
    expect(process.env).toMatchObject({ SPEC_ID: 'orders' })
    expect(process.env).not.toHaveProperty('BUS_CREDS_B64')
    expect(process.env).not.toHaveProperty('SPECFLEET_ENV_FILE')
  })

  it('takes an inherited descriptor for the environment, and closes it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'specfleet-env-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const file = join(folder, 'env.json')
    await writeFile(file, JSON.stringify(complete), { mode: 0o600 })
    const descriptor = openSync(file, 'r')
    setEnv({ SPECFLEET_ENV_FILE: `/proc/self/fd/${descriptor}` })
    expect(assigned().env).toMatchObject({ SPEC_ID: 'orders', RUN_EPOCH: 2 })
    expect(() => fstatSync(descriptor)).toThrow('EBADF')
    expect(process.env).not.toHaveProperty('BUS_CREDS_B64')
  })

  it('knows an environment that never came from one that is wrong', () => {
    const nobody = openSync('/dev/null', 'r')
    setEnv({ SPECFLEET_ENV_FILE: `/proc/self/fd/${nobody}` })
    expect(readBirth).toThrow(expect.objectContaining({ code: 'sandbox-env.never-came', retryable: true }))
  })

  it('names the file that cannot be read', () => {
    setEnv({ SPECFLEET_ENV_FILE: '/nonexistent/env.json' })
    expect(readBirth).toThrow(/SPECFLEET_ENV_FILE \/nonexistent\/env.json/)
  })

  it('decodes the outputs of earlier phases', () => {
    const outputs = { explore: { v: 1 } }
    setEnv({ ...complete, PHASE_CONTEXT_B64: encodePhaseContext({ kind: 'inline', outputs }) })
    expect(assigned().context).toEqual({ kind: 'inline', outputs })
  })

  it.each<[string, Record<string, string>, string]>([
    ['contradictory variables', { TICKET_ID: 'TKT-1' }, 'sandbox-env.invalid'],
    ['a context that is no base64', { PHASE_CONTEXT_B64: '%%%' }, 'context.invalid'],
    ['a context that is no object', { PHASE_CONTEXT_B64: 'W10=' }, 'context.invalid'],
    ['an unknown phase', { SPEC_PHASE: 'prd' }, 'sandbox-env.invalid'],
    ['a relative workspace', { WORKSPACE: 'here' }, 'sandbox-env.invalid'],
    ['a limit that is none', { BUS_CUT_LIMIT: '-1' }, 'sandbox-env.invalid'],
  ])('can still say over the bus that it refuses %s', (_, variables, code) => {
    expect(refused(variables)).toMatchObject({ code, exitCode: 78 })
  })

  it('throws when not even the way to the bus is known', () => {
    setEnv({ SPEC_ID: 'orders' })
    expect(readBirth).toThrow(/BUS_URL/)
  })
})
