/** What a tool that an agent runs can see and do inside a sandbox of processes: the answer should be "nothing". */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { SandboxProvider } from '../../packages/orchestrator/src/providers/provider.ts'
import { requestFor } from '../../packages/testkit/src/provider-conformance.ts'
import { type Puppet, type PuppetBus, shellIn, startPuppetBus } from '../../packages/testkit/src/puppet-bus.ts'
import { type ProcessEngine, startProcessEngine } from './process-engine.ts'

const never = new AbortController().signal
const isRoot = process.getuid?.() === 0

describe('inside a process sandbox', () => {
  let bus: PuppetBus
  let engine: ProcessEngine
  let provider: SandboxProvider & AsyncDisposable
  let worker: Puppet
  const secret = `secret-${process.pid}-${'x'.repeat(20)}`
  const request = requestFor({ env: { BUS_CREDS_B64: secret } })

  beforeAll(async () => {
    bus = await startPuppetBus()
    engine = await startProcessEngine('process', bus.address)
    writeFileSync(join(engine.home, 'of-the-host'), 'private')
    provider = await engine.open()
    await provider.create(request, never)
    worker = await bus.puppet(request.id)
  })
  afterAll(async () => {
    for (const { id } of await provider.list()) await provider.destroy(id)
    await provider[Symbol.asyncDispose]()
    await engine[Symbol.asyncDispose]()
    await bus[Symbol.asyncDispose]()
  })

  const shell = (command: string) => shellIn(worker, command)
  const status = async (field: string) => (await shell(`sed -n 's/^${field}:[[:space:]]*//p' /proc/self/status`)).trim()

  it('sees its own processes only', async () => {
    const pids = (await shell('ls /proc')).split('\n').filter((name) => /^\d+$/.test(name))
    expect(pids.length).toBeLessThan(10)
    const [init, main] = await Promise.all([shell('cat /proc/1/comm'), shell(`cat /proc/${worker.hello.pid}/comm`)])
    expect(init).toMatch(/^bwrap/)
    // The name of the program, or that of its main thread, in every version of Node.
    expect(main).toMatch(/^(node|MainThread)/)
    expect(await shell(`kill -0 ${process.pid} 2>/dev/null || echo unseen`)).toMatch(/unseen/)
  })

  it('sees the system, its workspace and its wire, and no other file of the host', async () => {
    const top = (await shell('ls /')).split('\n')
    const system = ['bin', 'lib', 'lib32', 'lib64', 'libx32', 'sbin', 'usr']
    expect(top.filter((name) => !system.includes(name))).toEqual([
      'dev',
      'etc',
      'home',
      'opt',
      'proc',
      'run',
      'tmp',
      'workspace',
    ])
    const etc = ['alternatives', 'group', 'hosts', 'ld.so.cache', 'nsswitch.conf', 'passwd']
    expect((await shell('ls /etc')).split('\n').filter((name) => !etc.includes(name))).toEqual([])
    expect(await shell('ls -A /workspace /home/agent /tmp /dev/shm')).not.toMatch(/^[^/\s]/m)
    expect(await shell('ls /run /run/sf')).toBe('/run:\nsf\n\n/run/sf:\nbus.sock')
    expect(await shell(`cat ${join(engine.home, 'of-the-host')}`)).toMatch(/No such file/)
    expect(await shell('ls -d /sys /root /var /mnt /boot 2>/dev/null')).toMatch(/^ ?\[2\]$/)
  })

  it('writes into the workspace and memory only', async () => {
    for (const folder of [
      '/',
      '/usr',
      '/etc',
      '/opt/specfleet',
      '/opt/specfleet/cache',
      '/dev',
      '/run',
      '/run/sf',
      '/proc/sys/kernel',
    ]) {
      expect(await shell(`touch ${folder}/written`), folder).toMatch(/Read-only|Permission|No such file|cannot touch/)
    }
    expect(await shell('echo "#!/bin/sh" > /opt/specfleet/worker.mjs')).toMatch(/Read-only|Permission/)
    expect(await shell('touch /workspace/w /tmp/t /dev/shm/s && rm /workspace/w /tmp/t /dev/shm/s && echo fine')).toBe(
      'fine',
    )
  })

  it('has memory of bounded size where it may write', async () => {
    const fill = (path: string) => shell(`dd if=/dev/zero of=${path}/fill bs=1M count=200 2>&1; rm -f ${path}/fill`)
    expect(await fill('/tmp')).toMatch(/No space left/)
    expect(await fill('/dev/shm')).toMatch(/No space left/)
  })

  it('has a network of its own, with nobody in it', async () => {
    const interfaces = await worker.run(`return Object.keys((await import('node:os')).networkInterfaces())`)
    expect(interfaces).toEqual(['lo'])
    expect(await shell('wc -l < /proc/net/unix')).toMatch(/^[1-9]$/)
  })

  it('has no privilege and can get none', async () => {
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
      expect(await status(set), set).toBe('0000000000000000')
    expect(await status('NoNewPrivs')).toBe('1')
    expect(await status('Seccomp')).toBe('2')
    expect(await shell('id -u')).toBe('1000')
    expect(await shell('unshare --user true')).toMatch(/unshare failed/)
    expect(await shell('mount -t tmpfs none /tmp')).toMatch(/superuser|only root|permission denied|not permitted/i)
  })

  it('cannot make the calls that the filter takes away', async () => {
    const machine =
      process.arch === 'x64' ? { socket: 41, keyctl: 250, bpf: 321 } : { socket: 198, keyctl: 219, bpf: 280 }
    const call = (number: number, ...args: number[]) =>
      shell(`perl -e 'syscall(${[number, ...args].join(', ')}) == -1 and print int($!)'`)
    expect(await call(425, 1, 0)).toBe('1')
    expect(await call(machine.keyctl, 0, 0, 0)).toBe('1')
    expect(await call(machine.bpf, 0, 0, 0)).toBe('1')
    const [vsock, packet, inet] = [40, 17, 2]
    expect(await call(machine.socket, vsock, 1, 0)).toBe('97')
    expect(await call(machine.socket, packet, 3, 0)).toBe('97')
    expect(await call(machine.socket, inet, 1, 0)).toBe('')
  })

  it('finds no secret in environments, arguments and files', async () => {
    expect(worker.hello.env.BUS_CREDS_B64).toBe(secret)
    // The pattern does not match itself, so the search does not find its own arguments.
    const pattern = `[${secret.slice(0, 1)}]${secret.slice(1)}`
    const everywhere = "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n'"
    // A control: what stands in somebody's arguments is found.
    expect(await shell(`${everywhere} | grep -c only-in-these-arguments`)).not.toMatch(/^0/)
    expect(await shell(`${everywhere} | grep -c '${pattern}'`)).toMatch(/^0\b/)
    expect(await shell(`grep -rl '${secret}' /workspace /tmp /run /opt /etc /dev/shm 2>/dev/null`)).toMatch(
      /^ ?\[[12]\]$/,
    )
  })

  it("keeps the worker's memory, descriptors and environment from its tools", async () => {
    const worker_ = `/proc/${worker.hello.pid}`
    for (const file of ['environ', 'mem', 'maps', 'fd/0', 'auxv', 'io']) {
      expect(await shell(`head -c 1 ${worker_}/${file}`), file).toMatch(/Permission denied/)
    }
    expect(await shell(`ls ${worker_}/fd`)).toMatch(/Permission denied/)
    expect(await shell('cat /opt/specfleet/bin/node | head -c 1')).toMatch(/Permission denied/)
    expect(await shell('node --version')).toBe(process.version)
  })

  it('does not open the inspector of the worker on a signal', async () => {
    const opened = `until grep -qi ':240D 00000000:0000 0A' /proc/net/tcp; do sleep 0.1; done; echo open`
    expect(await shell(`kill -USR1 ${worker.hello.pid}; timeout 1 sh -c "${opened}"`)).toBe(' [124]')
    expect(await worker.run('return 1')).toBe(1)
  })

  it('does not see another sandbox, nor what that one keeps', async () => {
    const other = requestFor()
    await provider.create(other, never)
    const neighbour = await bus.puppet(other.id)
    await neighbour.run(
      `(await import('node:fs')).writeFileSync('/workspace/mine', 'private'); (await import('node:fs')).writeFileSync('/tmp/mine', 'private')`,
    )
    expect(await shell('ls -A /workspace /tmp')).not.toContain('mine')
    expect(
      await shell(`grep -l ${other.id} /proc/[0-9]*/cmdline /proc/[0-9]*/mountinfo 2>/dev/null | grep -v "/proc/$$/"`),
    ).not.toMatch(/proc\/1\//)
    await provider.destroy(other.id)
  })

  it('leaves no secret where another user of the host could read it', () => {
    const readable = (path: string) => {
      try {
        return readFileSync(path, 'utf8')
      } catch {
        return ''
      }
    }
    const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    const holders = processes.filter((pid) =>
      `${readable(`/proc/${pid}/cmdline`)}${readable(`/proc/${pid}/environ`)}`.includes(secret),
    )
    expect(holders).toEqual([])
    const folder = join(engine.root, 'sandboxes', request.id)
    expect(readdirSync(join(folder, 'birth'))).toEqual([])
    expect(['sandbox.json', 'log', 'shim', 'job'].map((name) => readable(join(folder, name))).join('')).not.toContain(
      secret,
    )
  })

  it.runIf(isRoot)('runs as a user that nobody else is', async () => {
    const folder = join(engine.root, 'sandboxes')
    const other = requestFor()
    await provider.create(other, never)
    await bus.puppet(other.id)
    const owners = [request.id, other.id].map((id) => statSync(join(folder, id, 'wire')).uid)
    expect(new Set(owners).size).toBe(2)
    expect(Math.min(...owners)).toBeGreaterThan(1_000)
    await provider.destroy(other.id)
  })
})
