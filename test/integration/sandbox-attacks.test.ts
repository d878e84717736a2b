/** Attacks from inside a process sandbox: by an agent's tools at every limit, and by a worker that is itself hostile. */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Limits, SandboxProvider } from '../../packages/orchestrator/src/providers/provider.ts'
import { causeOfExit } from '../../packages/shared/src/index.ts'
import { exitOf, reportOf, requestFor } from '../../packages/testkit/src/provider-conformance.ts'
import { type Puppet, type PuppetBus, startPuppetBus } from '../../packages/testkit/src/puppet-bus.ts'
import { type ProcessEngine, startProcessEngine } from './process-engine.ts'
import { bundleToolPuppet } from './tool-puppet.ts'

const never = new AbortController().signal
const isRoot = process.getuid?.() === 0
const SECRET = `seed-${process.pid}-${'S'.repeat(24)}`

let folder: string
let bus: PuppetBus
let engine: ProcessEngine
let provider: SandboxProvider & AsyncDisposable

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'specfleet-attacks-'))
  const bundle = join(folder, 'puppet.mjs')
  await bundleToolPuppet(bundle)
  bus = await startPuppetBus()
  engine = await startProcessEngine('process', bus.address, folder, bundle)
  provider = await engine.open()
})
afterAll(async () => {
  for (const { id } of await provider.list()) await provider.destroy(id)
  await provider[Symbol.asyncDispose]()
  await engine[Symbol.asyncDispose]()
  await bus[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

async function spawn(limits: Partial<Limits> = {}) {
  const request = requestFor({ limits, env: { BUS_CREDS_B64: SECRET } })
  expect(await provider.create(request, never)).toEqual({ kind: 'running' })
  return { request, puppet: await bus.puppet(request.id) }
}

describe('a tool of the agent', () => {
  const bash = (puppet: Puppet, command: string) =>
    puppet.run(`return tools.run('bash', { command: ${JSON.stringify(command)} })`)

  it.runIf(isRoot)('that hogs memory is killed by name, and the worker goes on', async () => {
    const { puppet } = await spawn({ memoryMb: 256, diskMb: 16 })
    const hog = `node -e 'const kept = []; for (;;) kept.push(Buffer.alloc(8 << 20, 1))'`
    expect(await bash(puppet, hog)).toMatchObject({
      isError: true,
      fault: 'out-of-memory',
      content: expect.stringContaining('[out-of-memory]'),
    })
    expect(await bash(puppet, 'echo alive')).toEqual({ content: 'alive', isError: false })
  })

  it('that writes without end is killed by name, and the worker goes on', async () => {
    const { puppet } = await spawn()
    expect(await bash(puppet, 'yes')).toMatchObject({ isError: true, fault: 'output-limit' })
    expect(await bash(puppet, 'echo alive')).toEqual({ content: 'alive', isError: false })
  })

  it('that fills the disk is told so, and ends the run when no room is made', async () => {
    const { puppet } = await spawn({ diskMb: 16 })
    const fill = 'dd if=/dev/zero of=fill bs=1M count=100 2>&1'
    expect(await bash(puppet, fill)).toMatchObject({
      fault: 'disk-full',
      content: expect.stringMatching(/No space left[\s\S]*\[disk-full\]/),
    })
    expect(await bash(puppet, 'rm fill; echo alive')).toEqual({ content: 'alive', isError: false })
    for (const command of [fill, 'true', 'true']) expect(await bash(puppet, command)).toMatchObject({ isError: true })
    await expect(bash(puppet, 'true')).rejects.toThrow('the disk of the sandbox is full')
  })

  it.runIf(isRoot)('that is a fork bomb ends the sandbox as what it is', async () => {
    const { request, puppet } = await spawn({ pids: 64 })
    const exited = exitOf(provider, request.id)
    puppet.start(`return tools.run('bash', { command: ':(){ :|:& };:' })`)
    await exited
    expect(causeOfExit(await reportOf(provider, request.id))).toEqual({ kind: 'pids' })
    await provider.destroy(request.id)
    expect(await engine.remains(request.id)).toEqual([])
  })
})

describe('a hostile worker', () => {
  let worker: Puppet
  let id: string
  beforeAll(async () => {
    const { request, puppet } = await spawn()
    id = request.id
    worker = puppet
  })
  const shell = async (command: string): Promise<string> => {
    const code = `const { spawnSync } = await import('node:child_process')
      const { stdout, stderr } = spawnSync('/bin/sh', ['-c', ${JSON.stringify(command)}], { encoding: 'utf8' })
      return (stdout + stderr).trim()`
    return String(await worker.run(code))
  }
  const perl = (number: number, ...args: (number | string)[]) =>
    shell(`perl -e 'syscall(${[number, ...args].join(', ')}) == -1 ? print int($!) : print "made"'`)

  it('reads no file of the host that it could name', async () => {
    const other = await spawn()
    writeFileSync(join(engine.home, 'nats.creds'), SECRET)
    const paths = [
      '/etc/shadow',
      '/root/.ssh',
      engine.home,
      join(engine.home, 'nats.creds'),
      join(engine.root, 'sandboxes', other.request.id, 'sandbox.json'),
      `/mnt/sandboxes/${other.request.id}`,
      '/var/run/docker.sock',
      '/run/docker.sock',
      '/run/systemd',
      `/proc/${process.pid}/environ`,
      '/proc/1/root/root',
      '/proc/kcore',
      '/sys/fs/cgroup',
    ]
    for (const path of paths)
      expect(await shell(`cat ${path} 2>&1 || ls ${path}`), path).toMatch(/No such file|denied|not permitted/)
    await provider.destroy(other.request.id)
  })

  it('finds its credential in nothing that a tool can read', async () => {
    expect(worker.hello.env.BUS_CREDS_B64).toBe(SECRET)
    const control = `/tmp/control-${id}`
    // The pattern does not match itself, so the search does not find its own arguments.
    const pattern = `${SECRET.slice(0, 4)}[-]${SECRET.slice(5)}`
    const places =
      '/proc/[0-9]*/environ /proc/[0-9]*/cmdline /proc/[0-9]*/fd/* /workspace /home /tmp /run /dev/shm /opt'
    const search = `timeout 20 grep -rlaE --devices=skip '${pattern}' ${places} 2>/dev/null`
    expect(await shell(search)).toBe('')
    await worker.run(`(await import('node:fs')).writeFileSync('${control}', ${JSON.stringify(SECRET)})`)
    expect((await shell(search)).split('\n')).toContain(control)
    // Nor in the memory of process 1, through which all that makes the sandbox passes.
    const memory = `perl -e 'open(M, "/proc/1/maps"); open(F, "</proc/1/mem") or exit; my $pattern = "${pattern}";
      while (<M>) { next unless /^([0-9a-f]+)-([0-9a-f]+) r/; my ($from, $to) = (hex $1, hex $2); next if /vvar|vsyscall/;
        sysseek(F, $from, 0) or next; sysread(F, my $text, $to - $from); print "found in $_" if $text =~ $pattern }'`
    expect(await shell(memory)).toBe('')
  })

  it.runIf(isRoot)('leaves its environment open in no process of the host', () => {
    const held = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((pid) => descriptorsOf(pid))
      .filter((target) => target.includes(`/${id}/birth/`))
    expect(held).toEqual([])
  })

  it('reaches no socket of the host, abstract ones included', async () => {
    const name = `\0specfleet-attack-${process.pid}`
    const listener = createServer().listen(name)
    await once(listener, 'listening')
    const reach = `const net = await import('node:net')
      return new Promise((resolve) => net.connect({ path: ${JSON.stringify(name)} }).on('connect', () => resolve('reached')).on('error', (e) => resolve(e.code)))`
    expect(await worker.run(reach)).toBe('ECONNREFUSED')
    listener.close()
    expect(await shell('cat /proc/net/route | wc -l')).toBe('1')
  })

  it('signals, traces and prioritises nobody but itself', async () => {
    expect(
      await worker.run(`try { process.kill(${process.pid}, 0); return 'there' } catch (e) { return e.code }`),
    ).toBe('ESRCH')
    const attach = process.arch === 'x64' ? 101 : 117
    // Not the worker, whose program cannot be read. Process 1 may be traced: it has nothing and may do nothing more.
    expect(await perl(attach, 16, worker.hello.pid, 0, 0)).not.toBe('made')
    expect(
      await worker.run(
        `try { (await import('node:os')).setPriority(-20); return 'raised' } catch (e) { return e.info?.code ?? e.code }`,
      ),
    ).toMatch(/EACCES|EPERM/)
    expect(await shell('echo -900 2> /dev/null > /proc/$$/oom_score_adj; cat /proc/$$/oom_score_adj')).toMatch(
      /(^|\n)0$/,
    )
  })

  it('gets no more rights by set-uid programs, devices, namespaces or the doors of the kernel', async () => {
    expect(await shell('su -c id root < /dev/null')).not.toContain('uid=0')
    expect(await shell('mknod /tmp/disk b 254 0 2>&1')).toMatch(/not permitted/)
    expect((await shell('ls /dev')).split(/\s+/)).not.toContain('vda')
    expect(await shell('unshare -Ur true; unshare -m true; unshare -n true; chroot / true')).not.toBe('')
    expect(await shell('ulimit -c')).toBe('0')
    const calls: Record<string, number> =
      process.arch === 'x64'
        ? { add_key: 248, request_key: 249, perf_event_open: 298, userfaultfd: 323, io_uring_setup: 425 }
        : { add_key: 217, request_key: 218, perf_event_open: 241, userfaultfd: 282, io_uring_setup: 425 }
    for (const [name, number] of Object.entries(calls)) expect(await perl(number, 1, 0, 0, 0, 0), name).toBe('1')
  })

  it('writes nothing to the disk of the host', async () => {
    const used = () => Number.parseInt(execFileSync('du', ['-sk', join(engine.root, 'sandboxes', id)]).toString(), 10)
    await shell('for d in /workspace /tmp /home/agent /dev/shm; do head -c 900000 /dev/urandom > $d/fill; done')
    expect(await shell('cat /workspace/fill /tmp/fill /home/agent/fill /dev/shm/fill | wc -c')).toBe('3600000')
    expect(used()).toBeLessThan(200)
    expect(readFileSync(join(engine.root, 'sandboxes', id, 'log'), 'utf8')).not.toContain(SECRET)
  })
})

/** What its descriptors point to; nothing when the process is gone. */
function descriptorsOf(pid: string): string[] {
  const read = <T>(from: () => T): T | undefined => {
    try {
      return from()
    } catch {
      return undefined
    }
  }
  const fds = read(() => readdirSync(`/proc/${pid}/fd`)) ?? []
  return fds.flatMap((fd) => read(() => readlinkSync(`/proc/${pid}/fd/${fd}`)) ?? [])
}
