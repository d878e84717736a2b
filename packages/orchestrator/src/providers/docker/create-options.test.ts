import { RunId, SandboxId, SpecId } from '@specfleet/shared'
import { describe, expect, it } from 'vitest'
import { readIdentity } from './container.ts'
import { createOptions } from './create-options.ts'
import { dialectOf } from './dialect.ts'
import { seccompProfile } from './seccomp.ts'

const request = {
  id: SandboxId.parse('run_1-2'),
  labels: {
    fleet: 'fleet',
    specId: SpecId.parse('shop'),
    runId: RunId.parse('run_1'),
    epoch: 2,
    expiresAt: '2100-01-01T00:00:00.000Z',
  },
  limits: { memoryMb: 1024, diskMb: 512, cpus: 1.5, pids: 256, wallClockMinutes: 10, outputMb: 8 },
}
const image = { name: 'tools:1', id: 'sha256:1', path: '/usr/local/go/bin:/usr/bin', mounts: ['/n:/opt/node:ro'] }
const options = createOptions({
  request,
  folder: 'host:1',
  image,
  user: { uid: 1000, gid: 1000 },
  wire: '/home/engine/sandboxes/run_1-2/wire',
  runtime: undefined,
  dialect: dialectOf({ components: ['Engine'], id: 'id', folder: '/var/lib/docker', rootless: false }, undefined),
  filter: JSON.stringify(seccompProfile()),
  userProcesses: undefined,
  nodeFlags: new Set(['--disable-sigusr1']),
})

describe('a container', () => {
  it('has no network, no privilege, no way to gain one, and no device or mount that is not named', () => {
    const { HostConfig, NetworkDisabled, User } = options
    expect({ NetworkDisabled, User }).toEqual({ NetworkDisabled: true, User: '1000:1000' })
    expect(HostConfig).toMatchObject({
      NetworkMode: 'none',
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      IpcMode: 'private',
      Binds: ['/n:/opt/node:ro', '/home/engine/sandboxes/run_1-2/wire:/run/sf:ro'],
      PidsLimit: 256,
      NanoCpus: 1.5e9,
    })
    expect(HostConfig.SecurityOpt[0]).toBe('no-new-privileges')
    for (const forbidden of ['Privileged', 'CapAdd', 'Devices', 'PidMode', 'UsernsMode', 'GroupAdd', 'PortBindings'])
      expect(HostConfig).not.toHaveProperty(forbidden)
  })

  it('writes into memory that counts, and swaps none of it', () => {
    const bytes = 1536 * 1024 * 1024
    expect(options.HostConfig).toMatchObject({ Memory: bytes, MemorySwap: bytes })
    expect(options.HostConfig.Tmpfs['/workspace']).toContain(`size=${512 * 1024 * 1024}`)
    expect(options.HostConfig.Tmpfs['/tmp']).toContain('noexec')
  })

  it('is told its environment by its standard input only', () => {
    expect(options).toMatchObject({ OpenStdin: true, StdinOnce: true, Tty: false })
    expect(options.Env).toContain('SPECFLEET_ENV_FILE=/proc/self/fd/0')
    expect(options.Env).toContain('PATH=/opt/specfleet/bin:/usr/local/go/bin:/usr/bin')
    expect(options.Env.map((variable) => variable.split('=')[0]).sort()).toEqual([
      'HOME',
      'LANG',
      'NODE_COMPILE_CACHE',
      'PATH',
      'SPECFLEET_ENV_FILE',
      'TMPDIR',
    ])
  })

  it('is never removed behind our back, nor started again', () => {
    expect(options.HostConfig).toMatchObject({ AutoRemove: false, RestartPolicy: { Name: 'no' } })
  })

  it('is known again by its labels', () => {
    expect(readIdentity(options.Labels)).toEqual(request)
    expect(readIdentity({ ...options.Labels, 'specfleet.epoch': 'first' })).toBeUndefined()
    expect(readIdentity({ ...options.Labels, 'specfleet.limits': '{' })).toBeUndefined()
    expect(readIdentity({})).toBeUndefined()
  })
})
