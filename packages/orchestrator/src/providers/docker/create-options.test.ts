import { RunId, SandboxId, SpecId } from '@specfleet/shared'
import { describe, expect, it } from 'vitest'
import { readIdentity } from './container.ts'
import { type ContainerPlan, createOptions } from './create-options.ts'
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
const image = {
  name: 'tools:1',
  id: 'sha256:1',
  path: '/usr/local/go/bin:/usr/bin',
  mounts: [{ from: '/n', to: '/opt/node' }],
  snapshot: false,
}
const DOCKER = { components: ['Engine'], id: 'id', folder: '/var/lib/docker', rootless: false, runtimes: ['runc'] }
const PODMAN = { ...DOCKER, components: ['Podman Engine'], folder: '/var/lib/containers' }
const plan: ContainerPlan = {
  request,
  folder: 'host:1',
  image,
  user: { uid: 1000, gid: 1000 },
  wire: '/home/engine/sandboxes/run_1-2/wire',
  runtime: undefined,
  dialect: dialectOf(DOCKER, undefined),
  filter: JSON.stringify(seccompProfile()),
  userProcesses: undefined,
  cores: 4,
  nodeFlags: new Set(['--disable-sigusr1']),
}
const options = createOptions(plan)

describe('a container', () => {
  it('has no network, no privilege, no way to gain one, and no device or mount that is not named', () => {
    const { HostConfig, NetworkDisabled, User } = options
    expect({ NetworkDisabled, User }).toEqual({ NetworkDisabled: true, User: '1000:1000' })
    expect(HostConfig).toMatchObject({
      NetworkMode: 'none',
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      IpcMode: 'private',
      Mounts: [
        { Type: 'bind', Source: '/n', Target: '/opt/node', ReadOnly: true },
        { Type: 'bind', Source: '/home/engine/sandboxes/run_1-2/wire', Target: '/run/sf', ReadOnly: true },
      ],
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
      'GLIBC_TUNABLES',
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

describe('a container of Podman', () => {
  const dialect = dialectOf(PODMAN, undefined)
  const { HostConfig } = createOptions({ ...plan, dialect, filter: '/engine/seccomp.json', userProcesses: 32_768 })

  it('is filtered by a file, has no folder that Podman would make, and owns its own', () => {
    expect(HostConfig.SecurityOpt).toEqual(['no-new-privileges', 'seccomp=/engine/seccomp.json'])
    for (const folder of ['/run', '/var/tmp'])
      expect(HostConfig.Tmpfs).toHaveProperty([folder], expect.stringMatching(/^ro,/))
    expect(HostConfig.Tmpfs['/workspace']).toMatch(/,U,mode=0700$/)
    expect(HostConfig.Ulimits).toContainEqual({ Name: 'nproc', Soft: 32_768, Hard: 32_768 })
  })

  it('is of the same engine whenever that is asked', () => {
    expect(dialectOf({ ...PODMAN, id: 'another' }, undefined).engine).toBe(dialect.engine)
  })
})

describe('what an engine would not do', () => {
  it.each([
    ['a runtime that Docker lacks', DOCKER, 'runsc', 'config.invalid'],
    ['any runtime for Podman', PODMAN, 'runc', 'config.invalid'],
    ['a wire in a rootless Podman', { ...PODMAN, rootless: true }, undefined, 'provider.unavailable'],
  ])('is refused: %s', (_, told, runtime, code) => {
    expect(() => dialectOf(told, runtime)).toThrow(expect.objectContaining({ code }))
  })

  it.each(['runc', 'io.containerd.runsc.v1'])('is not %s', (runtime) => {
    expect(dialectOf(DOCKER, runtime).name).toBe('Docker')
  })
})
