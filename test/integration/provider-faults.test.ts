/** What an engine of processes makes of the deaths of its own parts, at every moment. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { chown, copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { SandboxProvider } from '../../packages/orchestrator/src/providers/provider.ts'
import { openProvider, openProviders } from '../../packages/orchestrator/src/providers/registry.ts'
import { SandboxId } from '../../packages/shared/src/index.ts'
import { bubblewrapPath } from '../../packages/testkit/src/bubblewrap.ts'
import { exitOf, reportOf, requestFor } from '../../packages/testkit/src/provider-conformance.ts'
import { type PuppetBus, startPuppetBus } from '../../packages/testkit/src/puppet-bus.ts'
import { hostArguments, PROVIDER_HOST } from './distant-provider.ts'
import { type ProcessEngine, remainsOf, startProcessEngine } from './process-engine.ts'

const never = new AbortController().signal
const isRoot = process.getuid?.() === 0

describe.each(['process', 'process-unsafe'] as const)('an engine of kind %s', (choice) => {
  let bus: PuppetBus
  let engine: ProcessEngine
  let provider: SandboxProvider & AsyncDisposable
  const folderOf = (id: string) => join(engine.root, 'sandboxes', id)

  beforeAll(async () => {
    bus = await startPuppetBus()
    engine = await startProcessEngine(choice, bus.address)
    provider = await engine.open()
  })
  afterAll(async () => {
    for (const { id } of await provider.list()) await provider.destroy(id)
    await provider[Symbol.asyncDispose]()
    await engine[Symbol.asyncDispose]()
    await bus[Symbol.asyncDispose]()
  })

  it('tells the end of a sandbox whose shim was killed, and leaves nothing of it', async () => {
    const request = requestFor()
    await provider.create(request, never)
    const puppet = await bus.puppet(request.id)
    const exited = exitOf(provider, request.id)
    process.kill(Number.parseInt(readFileSync(join(folderOf(request.id), 'shim'), 'utf8'), 10), 'SIGKILL')
    await Promise.all([exited, puppet.gone])
    expect(await reportOf(provider, request.id)).toMatchObject({ code: null, signal: null, wallClock: false })
    await provider.destroy(request.id)
    expect(await engine.remains(request.id)).toEqual([])
  })

  it('makes again what a maker that died has left half made', async () => {
    const [whole, half] = [requestFor(), requestFor()]
    await provider.create(whole, never)
    await bus.puppet(whole.id)
    mkdirSync(folderOf(half.id))
    const record = JSON.parse(readFileSync(join(folderOf(whole.id), 'sandbox.json'), 'utf8'))
    const confinement = { kind: 'none' }
    writeFileSync(
      join(folderOf(half.id), 'sandbox.json'),
      JSON.stringify({ ...record, id: half.id, mark: 'half', labels: half.labels, confinement }),
    )
    execFileSync('mkfifo', [join(folderOf(half.id), 'alive')])
    expect(await provider.inspect(half.id)).toMatchObject({ state: { kind: 'exited', exit: { code: null } } })
    expect(await provider.create(half, never)).toEqual({ kind: 'running' })
    const puppet = await bus.puppet(half.id)
    expect(await puppet.run('return env.SANDBOX_ID')).toBe(half.id)
  })

  it('finishes what a destroyer that died has begun, and spares the next of that id', async () => {
    const request = requestFor({ env: { PUPPET_STAYS: 'yes' } })
    await provider.create(request, never)
    await bus.puppet(request.id)
    renameSync(folderOf(request.id), folderOf('.dead-by-its-destroyer'))
    const shim = Number.parseInt(readFileSync(join(folderOf('.dead-by-its-destroyer'), 'shim'), 'utf8'), 10)
    const known = 'the-next-of-that-id'
    await provider.create({ ...request, env: { ...request.env, SANDBOX_ID: known } }, never)
    const second = await bus.puppet(known)
    expect(existsSync(`/proc/${shim}`)).toBe(true)
    await using _sweeper = await engine.open()
    expect(existsSync(`/proc/${shim}/cwd`)).toBe(false)
    expect(readdirSync(folderOf('.')).filter((name) => name.startsWith('.'))).toEqual([])
    expect(await second.run('return 4')).toBe(4)
  })

  it.runIf(isRoot)('leaves nothing when the last steps of making fail, and says what failed', async () => {
    const request = requestFor({ limits: { cpus: 1e15 } })
    expect(await provider.create(request, never)).toMatchObject({
      kind: 'failed',
      code: 'provider.failed',
      message: expect.stringMatching(/EINVAL|ERANGE/),
      retryable: true,
    })
    expect(await engine.remains(request.id)).toEqual([])
  })

  it('leaves a folder alone that holds no sandbox', async () => {
    const id = SandboxId.parse('of-somebody-else')
    mkdirSync(folderOf(id))
    writeFileSync(join(folderOf(id), 'file'), 'kept')
    expect(await provider.inspect(id)).toBeUndefined()
    expect(await provider.create(requestFor({ id }), never)).toMatchObject({
      kind: 'failed',
      code: 'provider.conflict',
    })
    expect(readFileSync(join(folderOf(id), 'file'), 'utf8')).toBe('kept')
    await rm(folderOf(id), { recursive: true })
  })

  it('takes the longest id there is, or says why not', async () => {
    const request = requestFor({ id: 'x'.repeat(64) })
    const created = await provider.create(request, never)
    if (choice === 'process') expect((await bus.puppet(request.id)).hello.env.SANDBOX_ID).toBe(request.id)
    else expect(created).toMatchObject({ code: 'config.invalid', message: expect.stringContaining('shorter home') })
  })

  it('goes on after the forwarder was killed, over the same wires', async () => {
    const request = requestFor({ env: { PUPPET_STAYS: 'yes' } })
    await provider.create(request, never)
    const before = await bus.puppet(request.id)
    const pid = await forwarderOf(engine.root)
    process.kill(pid, 'SIGKILL')
    await before.gone
    const after = await bus.puppet(request.id)
    expect(after.hello.pid).toBe(before.hello.pid)
    expect(await forwarderOf(engine.root)).not.toBe(pid)
    const late = requestFor()
    await provider.create(late, never)
    expect(await (await bus.puppet(late.id)).run('return 2')).toBe(2)
  })

  it('shares one forwarder among all who start at once, which ends when nobody needs it', async () => {
    const alone = await startProcessEngine(choice, bus.address)
    const providers = await Promise.all([alone.open(), alone.open(), alone.open()])
    await forwarderOf(alone.root)
    const request = requestFor()
    await providers[0].create(request, never)
    const puppet = await bus.puppet(request.id)
    for (const one of providers) await one[Symbol.asyncDispose]()
    expect(await puppet.run('return 3')).toBe(3)
    await forwarderOf(alone.root)
    const again = await alone.open()
    await again.destroy(request.id)
    await again[Symbol.asyncDispose]()
    await vi.waitFor(() => expect(forwardersOf(alone.root)).toEqual([]), 5_000)
    // What it was compiled to stays for the next one.
    expect(readdirSync(join(alone.root, 'wire'))).toEqual(['cache'])
    await alone[Symbol.asyncDispose]()
  })
})

describe('an engine that cannot isolate', () => {
  it('is refused with the reason, and nothing takes its place', async () => {
    await using bus = await startPuppetBus()
    await using engine = await startProcessEngine('process', bus.address)
    const refuse = (bwrapPath: string) => openProvider('auto', { ...engine.options, bwrapPath })
    await expect(refuse('/nowhere/bwrap')).rejects.toMatchObject({
      code: 'provider.unavailable',
      message: expect.stringContaining('there is no bubblewrap at /nowhere/bwrap'),
      next: expect.stringContaining('process-unsafe by name'),
    })
    await expect(refuse(script(engine.home, 'old', 'echo bubblewrap 0.4.1'))).rejects.toThrow(
      'cannot forbid nested namespaces',
    )
    const broken = `[ "$1" = --version ] && echo bubblewrap 0.9.0 && exit; echo "bwrap: No permissions to create new namespace" >&2; exit 1`
    await expect(refuse(script(engine.home, 'broken', broken))).rejects.toThrow('this host forbids user namespaces')
    expect(readdirSync(join(engine.root, 'sandboxes'))).toEqual([])
    await vi.waitFor(() => expect(forwardersOf(engine.root)).toEqual([]), 5_000)
  })

  it('is opened once, however often a list comes up with it, and makes nothing of an image', async () => {
    await using bus = await startPuppetBus()
    await using engine = await startProcessEngine('process', bus.address)
    await using opened = new AsyncDisposableStack()
    const all = await openProviders(['auto', 'process', 'auto', 'process'], engine.options)
    for (const provider of all) opened.use(provider)
    expect(all.map(({ name, images }) => [name, images])).toEqual([['process', false]])
    const request = { ...requestFor(), image: 'tools:1' }
    expect(await all[0]?.create(request, AbortSignal.timeout(60_000))).toMatchObject({
      kind: 'failed',
      code: 'task.image',
      retryable: false,
    })
    expect(await all[0]?.list()).toEqual([])
  })

  it('is unknown under any other name', async () => {
    await using bus = await startPuppetBus()
    await using engine = await startProcessEngine('process', bus.address)
    await expect(openProvider('daytona', engine.options)).rejects.toMatchObject({ code: 'provider.unknown' })
    await expect(openProvider('process', { ...engine.options, workerBundle: '/no/worker.mjs' })).rejects.toMatchObject({
      code: 'worker.bundle',
    })
  })
})

describe.runIf(isRoot)('an engine of an ordinary user', () => {
  it('isolates just the same, and says which limits it lacks', async () => {
    await using bus = await startPuppetBus()
    const home = await mkdtemp(join(tmpdir(), 'specfleet-user-'))
    await chown(home, 54_321, 54_321)
    const drop = ['--reuid', '54321', '--regid', '54321', '--clear-groups']
    // The folder it may have been fetched into is its owner's alone.
    const bwrap = join(home, 'bwrap')
    await copyFile(await bubblewrapPath(), bwrap)
    await using engine = await startProcessEngine('process', bus.address)
    const args = hostArguments('process', { ...engine.options, home, bwrapPath: bwrap })
    const host = spawn('setpriv', [...drop, process.execPath, PROVIDER_HOST, ...args], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    const exited = once(host, 'exit')
    try {
      const [ready] = await Promise.race([once(host, 'message'), exited])
      expect(ready).toMatchObject({ value: 'ready' })
      const request = requestFor()
      host.send({ n: 1, method: 'create', request })
      const puppet = await bus.puppet(request.id)
      expect(await puppet.run(`return (await import('node:fs')).readdirSync('/home')`)).toEqual(['agent'])
      expect(puppet.hello.uid).toBe(1000)
      host.send({ n: 2, method: 'destroy', id: request.id })
      await puppet.gone
      host.send({ n: 3, method: 'close' })
      await exited
      expect(remainsOf(join(home, 'process'), request.id)).toEqual([])
    } finally {
      host.kill('SIGKILL')
      await rm(home, { recursive: true, force: true })
    }
  })
})

describe('an orchestrator that was started with descriptors of somebody else', () => {
  it('passes none of them on, neither into sandboxes nor to the forwarder', async () => {
    await using bus = await startPuppetBus()
    await using engine = await startProcessEngine('process', bus.address)
    const path = join(engine.home, 'of-somebody-else')
    writeFileSync(path, 'private')
    const descriptor = openSync(path, 'r')
    const stdio: ('ignore' | 'inherit' | 'ipc' | number)[] = Array(41).fill('ignore')
    stdio.splice(1, 3, 'inherit', 'inherit', 'ipc')
    stdio[40] = descriptor
    await using host = await engine.openElsewhere(stdio)
    closeSync(descriptor)
    const request = requestFor()
    await host.create(request)
    const puppet = await bus.puppet(request.id)
    const code = `const { execSync } = await import('node:child_process'); return execSync('ls -l /proc/self/fd').toString()`
    expect(await puppet.run(code)).not.toContain('of-somebody-else')
    const forwarder = await forwarderOf(engine.root)
    const open = readdirSync(`/proc/${forwarder}/fd`).map((fd) => readlinkSync(`/proc/${forwarder}/fd/${fd}`))
    expect(open).not.toContain(path)
    await host.destroy(request.id)
  })
})

/** A program of that text. */
function script(folder: string, name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, `#!/bin/sh\n${text}\n`)
  chmodSync(path, 0o755)
  return path
}

function forwardersOf(root: string): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids
    .filter((pid) => {
      const path = `/proc/${pid}/cmdline`
      const words = existsSync(path) ? readFileSync(path, 'utf8').split('\0') : []
      return words.some((word) => word.includes('forwarder-main')) && words.includes(join(root, 'wire'))
    })
    .map(Number)
}

/** Whoever was not first goes at once; until then there may be two. */
const forwarderOf = (root: string): Promise<number> =>
  vi.waitFor(() => {
    const [pid, ...others] = forwardersOf(root)
    if (pid === undefined || others.length > 0) throw new Error(`${others.length + 1} forwarders`)
    return pid
  }, 5_000)
