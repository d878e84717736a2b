/** What a tool that an agent runs can see and do inside a container: the answer should be "nothing". */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { SandboxProvider } from '../../packages/orchestrator/src/providers/provider.ts'
import { findDocker, startDocker, type TestDocker } from '../../packages/testkit/src/docker.ts'
import { findPodman, startPodman } from '../../packages/testkit/src/docker-podman.ts'
import { requestFor } from '../../packages/testkit/src/provider-conformance.ts'
import { type Puppet, type PuppetBus, shellIn, startPuppetBus } from '../../packages/testkit/src/puppet-bus.ts'
import { openDockerSandboxes } from './docker-sandboxes.ts'

const never = new AbortController().signal

const ENGINES = [
  { engine: 'Docker', find: () => findDocker(), start: () => startDocker() },
  { engine: 'Podman', find: findPodman, start: startPodman },
]

describe.each(ENGINES)('inside a container of $engine', ({ find, start }) => {
  const parts = new AsyncDisposableStack()
  let docker: Pick<TestDocker, 'client' | 'host'>
  let bus: PuppetBus
  let provider: SandboxProvider & AsyncDisposable
  let worker: Puppet
  let ofHost: string
  const secret = `secret-${process.pid}-${'x'.repeat(20)}`
  const request = requestFor({ env: { BUS_CREDS_B64: secret } })

  beforeAll(async () => {
    if ((await find()).kind === 'none') return
    ofHost = await mkdtemp(join(tmpdir(), 'specfleet-of-host-'))
    parts.defer(() => rm(ofHost, { recursive: true }))
    await writeFile(join(ofHost, 'private'), 'private')
    const started = parts.use(await start())
    docker = started
    bus = parts.use(await startPuppetBus())
    provider = parts.use(await parts.use(await openDockerSandboxes(docker, bus.address)).open())
    await provider.create(request, never)
    worker = await bus.puppet(request.id)
  }, 180_000)
  afterAll(() => parts.disposeAsync())
  beforeEach(async ({ skip }) => {
    const search = await find()
    if (search.kind === 'none') skip(search.reason)
  })

  const shell = (command: string) => shellIn(worker, command)
  const status = async (field: string) => (await shell(`sed -n 's/^${field}:[[:space:]]*//p' /proc/self/status`)).trim()

  it('sees its own processes only', async () => {
    const pids = (await shell('ls /proc')).split('\n').filter((name) => /^\d+$/.test(name))
    expect(pids.length).toBeLessThan(10)
    expect(await shell(`kill -0 ${process.pid} 2>/dev/null || echo unseen`)).toMatch(/unseen/)
  })

  it('has no privilege and can get none', async () => {
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
      expect(await status(set), set).toBe('0000000000000000')
    expect(await status('NoNewPrivs')).toBe('1')
    expect(await status('Seccomp')).toBe('2')
    expect(await shell('id -u')).toBe('1000')
    expect(await shell('unshare --user true')).toMatch(/unshare failed/)
    expect(await shell('unshare --net true')).toMatch(/unshare failed/)
  })

  it('cannot make the calls that the filter takes away', async () => {
    const x64 = { socket: 41, keyctl: 250, bpf: 321, userfaultfd: 323, clone3: 435, clone: 56, fsopen: 430, mount: 165 }
    const arm64 = {
      socket: 198,
      keyctl: 219,
      bpf: 280,
      userfaultfd: 282,
      clone3: 435,
      clone: 220,
      fsopen: 430,
      mount: 40,
    }
    const machine = process.arch === 'x64' ? x64 : arm64
    const call = (number: number, ...args: number[]) =>
      shell(`perl -e 'syscall(${[number, ...args].join(', ')}) == -1 and print int($!)'`)
    const [EPERM, ENOSYS, newUser] = ['1', '38', 0x1000_0000]
    expect(await call(425, 1, 0), 'io_uring_setup').toBe(EPERM)
    expect(await call(machine.keyctl, 0, 0, 0), 'keyctl').toBe(EPERM)
    expect(await call(machine.bpf, 0, 0, 0), 'bpf').toBe(EPERM)
    expect(await call(machine.userfaultfd, 0), 'userfaultfd').toBe(EPERM)
    expect(await call(machine.fsopen, 0, 0), 'fsopen').toBe(EPERM)
    expect(await call(machine.mount, 0, 0, 0, 0, 0), 'mount').toBe(EPERM)
    expect(await call(machine.clone3, 0, 0), 'clone3').toBe(ENOSYS)
    expect(await call(machine.clone, newUser, 0, 0, 0, 0), 'clone of a namespace').toBe(EPERM)
    const [vsock, packet, inet] = [40, 17, 2]
    expect(await call(machine.socket, vsock, 1, 0), 'vsock').toBe(EPERM)
    expect(await call(machine.socket, packet, 3, 0), 'packet').toBe(EPERM)
    expect(await call(machine.socket, inet, 1, 0), 'inet').toBe('')
  })

  it('has a network of its own, with nobody in it', async () => {
    const interfaces = await worker.run(`return Object.keys((await import('node:os')).networkInterfaces())`)
    expect(interfaces).toEqual(['lo'])
    expect(await shell('cat /proc/net/route | wc -l')).toBe('1')
  })

  it('writes into its workspace, its home and /tmp, and nowhere else', async () => {
    for (const folder of [
      '/',
      '/etc',
      '/usr/bin',
      '/opt/specfleet',
      '/run/sf',
      '/run',
      '/var',
      '/var/tmp',
      '/sys/fs/cgroup',
    ])
      expect(await shell(`touch ${folder}/new 2>&1`), folder).toMatch(/Read-only|denied|No such file/)
    for (const folder of ['/workspace', '/home/agent', '/tmp']) expect(await shell(`touch ${folder}/new`)).toBe('')
    expect(await shell(`cp /bin/true /tmp/run && /tmp/run`)).toMatch(/denied.* \[126\]/s)
    expect(await shell(`cp /bin/true /workspace/run && /workspace/run`)).toBe('')
  })

  it('sees no file of the host, and no engine', async () => {
    expect(await shell(`cat ${ofHost}/private`)).toMatch(/No such file/)
    expect(await shell('ls /var/run/docker.sock /run/docker.sock')).toMatch(/No such file/)
    expect(await shell('ls /dev')).not.toMatch(/sda|vda|kvm|mem\b|fuse/)
    for (const door of ['/proc/kcore', '/proc/sysrq-trigger', '/sys/firmware/efi'])
      expect(await shell(`head -c 1 ${door}`), door).toMatch(/denied|No such file|^$/)
    expect(await shell('echo h > /proc/sysrq-trigger')).toMatch(/cannot create/)
  })

  it('finds no secret in environments, arguments and files, nor does whoever asks the engine', async () => {
    expect(worker.hello.env.BUS_CREDS_B64).toBe(secret)
    // The pattern does not match itself, so the search does not find its own arguments.
    const pattern = `[${secret.slice(0, 1)}]${secret.slice(1)}`
    const everywhere = "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n'"
    expect(await shell(`${everywhere} | grep -c only-in-these-arguments`)).not.toMatch(/^0/)
    expect(await shell(`${everywhere} | grep -c '${pattern}'`)).toMatch(/^0\b/)
    expect(await shell(`grep -rl '${secret}' /workspace /tmp /run /opt /etc 2>/dev/null`)).toMatch(/^ ?\[[12]\]$/)
    const [container] = await docker.client.listContainers({ filters: { name: [request.id] } })
    const inspected = await docker.client.getContainer(container?.Id ?? '').inspect()
    expect(JSON.stringify(inspected)).not.toContain(secret)
  })

  it("keeps the worker's memory, descriptors and environment from its tools", async () => {
    const of = `/proc/${worker.hello.pid}`
    for (const file of ['environ', 'mem', 'maps', 'fd/0', 'auxv', 'io'])
      expect(await shell(`head -c 1 ${of}/${file}`), file).toMatch(/Permission denied/)
    expect(await shell('head -c 1 /opt/specfleet/bin/node')).toMatch(/Permission denied/)
    expect(await shell('node --version')).toBe(process.version)
  })

  it('does not see another container, nor what that one keeps', async () => {
    const other = requestFor()
    await provider.create(other, never)
    const neighbour = await bus.puppet(other.id)
    await neighbour.run(
      `const fs = await import('node:fs'); fs.writeFileSync('/workspace/mine', ''); fs.writeFileSync('/tmp/mine', '')`,
    )
    expect(await shell('ls -A /workspace /tmp /run/sf')).not.toContain('mine')
    expect(await shell(`grep -l ${other.id} /proc/[0-9]*/mountinfo 2>/dev/null`)).toMatch(/^ ?\[1\]$/)
    await provider.destroy(other.id)
  })
})
