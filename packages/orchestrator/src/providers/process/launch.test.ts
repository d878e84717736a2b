import { describe, expect, it } from 'vitest'
import { outputBytes, wallClockSeconds, withDisk, workerFlags } from '../limits.ts'
import { type HostIdentity, type IsolatedPlan, isolatedCommand, scopeCommand, shimCommand } from './launch.ts'
import { folderLayout } from './layout.ts'

const limits = { memoryMb: 1024, diskMb: 512, cpus: 1.5, pids: 256, wallClockMinutes: 0.01, outputMb: 0.5 }
const plan = (identity: HostIdentity, bwrap = '/usr/bin/bwrap'): IsolatedPlan => ({
  root: '/root/secret/process',
  identity,
  system: {
    shared: {
      node: '/root/secret/process/system/node',
      bundle: '/root/secret/process/system/worker.mjs',
      compileCache: '/root/secret/process/system/cache',
      etc: '/root/secret/process/system/etc',
    },
    filter: undefined,
    bwrap,
    entries: [{ path: '/usr' }],
  },
  sandbox: folderLayout('/root/secret/process/sandboxes/one'),
  limits,
  envFile: undefined,
  program: ['/opt/specfleet/bin/node'],
})

describe('the command of an isolated worker', () => {
  it('drops root for good before anything else, and walks no folder that only root may enter', () => {
    const command = isolatedCommand(plan({ kind: 'own', uids: { first: 70_000, count: 10 } }))
    const drop = command.slice(0, command.indexOf('/usr/bin/bwrap'))
    const uid = Number(drop[2])
    expect(uid).toBeGreaterThanOrEqual(70_000)
    expect(uid).toBeLessThan(70_010)
    expect(drop).toEqual(['setpriv', '--reuid', `${uid}`, '--regid', `${uid}`, '--clear-groups', '--no-new-privs'])
    expect(command.filter((word) => word.includes('/root/secret'))).toEqual([])
    expect(command).toContain('/mnt/sandboxes/one/wire')
  })

  it('reaches a bubblewrap of its own the same way', () => {
    const own = plan({ kind: 'own', uids: { first: 70_000, count: 10 } }, '/root/secret/process/system/bwrap')
    expect(isolatedCommand(own)).toContain('/mnt/system/bwrap')
  })

  it('opens the environment as its maker, and removes it before anything of the sandbox runs', () => {
    const envFile = '/root/secret/process/sandboxes/one/birth/env.json'
    const command = isolatedCommand({ ...plan({ kind: 'own', uids: { first: 70_000, count: 10 } }), envFile })
    const [shell, , script, file, next] = command
    expect([shell, file, next]).toEqual(['/bin/sh', envFile, 'setpriv'])
    expect(script).toBe('exec 8< "$0" && rm -- "$0" && exec "$@"')
    expect(command.join(' ')).toContain('--setenv SPECFLEET_ENV_FILE /proc/self/fd/8')
  })

  it('uses the paths as they are for an ordinary user', () => {
    const command = isolatedCommand(plan({ kind: 'maker' }))
    expect(command[0]).toBe('/usr/bin/bwrap')
    expect(command).toContain('/root/secret/process/sandboxes/one/wire')
  })
})

describe('limits as flags and numbers', () => {
  it('tells V8 less than the whole limit, and closes the inspector where Node can', () => {
    expect(workerFlags(limits, new Set(['--disable-sigusr1']))).toEqual([
      '--max-old-space-size=768',
      '--disable-sigusr1',
    ])
    expect(workerFlags(limits, new Set())).toEqual(['--max-old-space-size=768'])
  })

  it('counts the wall clock in whole seconds, at least one', () => {
    expect(wallClockSeconds(limits)).toBe(1)
    expect(wallClockSeconds({ ...limits, wallClockMinutes: 2 })).toBe(120)
  })

  it('counts a workspace in memory as memory', () => {
    expect(withDisk(limits, true).memoryMb).toBe(1536)
    expect(withDisk(limits, false).memoryMb).toBe(1024)
    expect(isolatedCommand(plan({ kind: 'maker' })).join(' ')).toContain(
      `--size ${512 * 1024 * 1024} --tmpfs /workspace`,
    )
    expect(outputBytes(limits)).toBe(512 * 1024)
  })

  it('asks systemd for the same limits', () => {
    const command = scopeCommand({ unit: 'specfleet-x', limits })
    expect(command).toEqual(expect.arrayContaining(['MemoryMax=1073741824', 'TasksMax=256', 'CPUQuota=150%']))
    expect(shimCommand('/s/shim.sh', undefined, { unit: 'specfleet-x', limits })).toEqual([
      ...command,
      '/bin/sh',
      '/s/shim.sh',
    ])
  })
})
