/** What every sandbox provider must do, on its real engine. A provider is finished when it passes. */
import { createServer } from 'node:net'
import { causeOfExit, type DeathCause, type ExitReport, RunId, SandboxId, SpecId, WORKER_EXIT } from '@specfleet/shared'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type {
  Created,
  Limits,
  Sandbox,
  SandboxEvent,
  SandboxProvider,
  SandboxRequest,
} from '../../orchestrator/src/providers/provider.ts'
import { type Puppet, type PuppetBus, startPuppetBus } from './puppet-bus.ts'

/** The same engine, reached from another process, which can be killed without warning. */
export type DistantProvider = AsyncDisposable & {
  create(request: SandboxRequest): Promise<Created>
  list(): Promise<readonly Sandbox[]>
  inspect(id: SandboxId): Promise<Sandbox | undefined>
  destroy(id: SandboxId): Promise<void>
  kill9(): Promise<void>
}

export type ProviderUnderTest = AsyncDisposable & {
  /** A new instance in this process. */
  open(): Promise<SandboxProvider & AsyncDisposable>
  openElsewhere(): Promise<DistantProvider>
  /** Everything on the host that still belongs to the sandbox, in words. */
  remains(id: SandboxId): Promise<readonly string[]>
}

export type ConformanceOptions = {
  readonly name: string
  /** Nothing but the wire is within reach of a sandbox. */
  readonly isolated: boolean
  /** Which limits the engine can hold on this host, and why not the others. */
  readonly holds: { readonly memory: boolean; readonly pids: boolean; readonly disk: boolean }
  start(busAddress: string): Promise<ProviderUnderTest>
}

export const FLEET = 'conformance'
export const ROOMY: Limits = { memoryMb: 256, diskMb: 64, cpus: 1, pids: 128, wallClockMinutes: 5, outputMb: 64 }

/** Longest that a worker may be kept from answering by what another sandbox does: half of what it is given up after. */
const UNDISTURBED_MS = 5_000

/** What a hostile worker does to use up the host, and what the provider has to make of it. */
const HOGS: readonly {
  readonly what: string
  readonly limit: keyof ConformanceOptions['holds'] | 'output'
  readonly limits: Partial<Limits>
  readonly code: string
  readonly cause: DeathCause['kind']
}[] = [
  {
    what: 'a memory hog',
    limit: 'memory',
    limits: { memoryMb: 128, diskMb: 16 },
    code: 'const kept = []; for (;;) kept.push(Buffer.alloc(8 << 20, 1))',
    cause: 'oom',
  },
  {
    what: 'a fork bomb that holds every process there is',
    limit: 'pids',
    limits: { pids: 64 },
    code: `const { spawn } = await import('node:child_process')
      for (let n = 0; n < 100; n++) spawn('sleep', ['1000'], { stdio: 'ignore' }).on('error', () => {})`,
    cause: 'pids',
  },
  {
    what: 'a full disk',
    limit: 'disk',
    limits: { diskMb: 16 },
    code: `const fs = await import('node:fs'); const file = fs.openSync('fill', 'w'); let bytes = 0
      try { for (;;) bytes += fs.writeSync(file, Buffer.alloc(1 << 20)) } catch (error) {
        process.exit(error.code === 'ENOSPC' && bytes > 15 << 20 && bytes <= 16 << 20 ? ${WORKER_EXIT.diskFull} : 99)
      }`,
    cause: 'disk',
  },
  {
    what: 'an endless output',
    limit: 'output',
    limits: { outputMb: 1 },
    code: `const fs = await import('node:fs'); const line = Buffer.alloc(64 << 10, 'x\\n')
      for (;;) try { fs.writeSync(2, line) } catch (error) { if (error.code !== 'EAGAIN') throw error }`,
    cause: 'output',
  },
]

let count = 0
export function requestFor(
  overrides: { id?: string; limits?: Partial<Limits>; env?: Record<string, string> } = {},
): SandboxRequest {
  count++
  const id = SandboxId.parse(overrides.id ?? `sandbox-${process.pid}-${count}`)
  return {
    id,
    labels: {
      fleet: FLEET,
      specId: SpecId.parse('spec'),
      runId: RunId.parse(`run-${count}`),
      epoch: 1,
      expiresAt: '2100-01-01T00:00:00.000Z',
    },
    env: { SANDBOX_ID: id, BUS_CREDS_B64: 'Y3JlZGVudGlhbA==', ...overrides.env },
    limits: { ...ROOMY, ...overrides.limits },
  }
}

/** Resolves when the provider tells of that sandbox's exit. Begin to wait before what causes it. */
export function exitOf(provider: SandboxProvider, id: SandboxId): Promise<void> {
  return new Promise((resolve) => {
    const watch = provider.watch((event: SandboxEvent) => {
      if (event.kind === 'exited' && event.id === id) void watch[Symbol.asyncDispose]().then(resolve)
    })
  })
}

export async function reportOf(provider: Pick<SandboxProvider, 'inspect'>, id: SandboxId): Promise<ExitReport> {
  const sandbox = await provider.inspect(id)
  if (sandbox?.state.kind !== 'exited') throw new Error(`${id} has not exited: ${sandbox?.state.kind}`)
  return sandbox.state.exit
}

const never = new AbortController().signal

export function describeConformance(options: ConformanceOptions): void {
  describe(`provider ${options.name}`, () => {
    let bus: PuppetBus
    let engine: ProviderUnderTest
    let provider: SandboxProvider & AsyncDisposable

    beforeAll(async () => {
      bus = await startPuppetBus()
      engine = await options.start(bus.address)
      provider = await engine.open()
    })
    afterAll(async () => {
      for (const { id } of await provider.list()) await provider.destroy(id)
      await provider[Symbol.asyncDispose]()
      await engine[Symbol.asyncDispose]()
      await bus[Symbol.asyncDispose]()
    })

    const spawn = async (request: SandboxRequest): Promise<Puppet> => {
      const created = await provider.create(request, never)
      expect(created).toEqual({ kind: 'running' })
      return bus.puppet(request.id)
    }
    /** What is reported after a worker has run that. */
    const reportAfter = async (request: SandboxRequest, code: string): Promise<ExitReport> => {
      const puppet = await spawn(request)
      const exited = exitOf(provider, request.id)
      puppet.start(code)
      await exited
      return reportOf(provider, request.id)
    }

    describe('making', () => {
      it('gives the worker exactly the environment that was asked for, and the way to the bus and its workspace', async () => {
        const request = requestFor({ env: { SPEC_ID: 'shop', PHASE_CONTEXT_B64: 'x'.repeat(96 * 1024) } })
        const { hello } = await spawn(request)
        const { BUS_URL, WORKSPACE, ...rest } = hello.env
        expect(rest).toEqual(request.env)
        expect(BUS_URL).toMatch(/^unix:\//)
        expect(WORKSPACE).toMatch(/^\//)
        expect(Object.keys(hello.environ)).not.toContain('BUS_CREDS_B64')
        expect(JSON.stringify([hello.environ, hello.argv])).not.toContain(request.env.BUS_CREDS_B64)
      })

      it('is idempotent, one after another and all at once', async () => {
        const request = requestFor()
        const all = await Promise.all([1, 2, 3, 4, 5].map(() => provider.create(request, never)))
        expect(all).toEqual(all.map(() => ({ kind: 'running' })))
        const { hello } = await bus.puppet(request.id)
        expect(await provider.create(request, never)).toEqual({ kind: 'running' })
        expect((await provider.list()).filter(({ id }) => id === request.id)).toHaveLength(1)
        const puppet = await bus.puppet(request.id)
        expect(puppet.hello.pid).toBe(hello.pid)
      })

      it('refuses an id that is a sandbox of another run', async () => {
        const request = requestFor()
        await spawn(request)
        const stranger = { ...request, labels: { ...request.labels, runId: RunId.parse('stranger') } }
        expect(await provider.create(stranger, never)).toMatchObject({ kind: 'failed', retryable: false })
      })

      it('leaves nothing when it is called off', async () => {
        const request = requestFor()
        await expect(provider.create(request, AbortSignal.abort(new Error('called off')))).rejects.toThrow('called off')
        expect(await provider.inspect(request.id)).toBeUndefined()
        expect(await engine.remains(request.id)).toEqual([])
      })

      it('gives a workspace that can be written, and that is the working directory', async () => {
        const puppet = await spawn(requestFor())
        const code = `const fs = await import('node:fs'); fs.mkdirSync('a/b', { recursive: true }); fs.writeFileSync('a/b/c', 'text')
          return [process.cwd() === env.WORKSPACE, fs.readFileSync(env.WORKSPACE + '/a/b/c', 'utf8')]`
        expect(await puppet.run(code)).toEqual([true, 'text'])
      })
    })

    describe('found again', () => {
      it('lists a running sandbox with its labels to another process', async () => {
        const request = requestFor()
        await spawn(request)
        await using other = await engine.openElsewhere()
        const found = (await other.list()).find(({ id }) => id === request.id)
        expect(found).toEqual({ id: request.id, labels: request.labels, state: { kind: 'running' } })
        expect(await other.create(request)).toEqual({ kind: 'running' })
      })

      it('knows nothing of what was never made', async () => {
        expect(await provider.inspect(SandboxId.parse('never-made'))).toBeUndefined()
      })

      it('outlives the kill of its maker, and its exit is told to whoever has adopted it', async () => {
        const request = requestFor()
        const maker = await engine.openElsewhere()
        expect(await maker.create(request)).toEqual({ kind: 'running' })
        const puppet = await bus.puppet(request.id)
        await maker.kill9()
        expect(await puppet.run('return 6 * 7')).toBe(42)
        expect(await provider.inspect(request.id)).toMatchObject({ state: { kind: 'running' } })
        const exited = exitOf(provider, request.id)
        puppet.start('process.exit(9)')
        await exited
        expect(await reportOf(provider, request.id)).toMatchObject({ code: 9, signal: null })
      })

      it('keeps the exit code of a sandbox that ended while nobody watched', async () => {
        const request = requestFor()
        const maker = await engine.openElsewhere()
        await maker.create(request)
        const puppet = await bus.puppet(request.id)
        await maker.kill9()
        puppet.start('process.exit(17)')
        await puppet.gone
        // Whether the list comes before or after the exit, one of the two tells of it.
        const exited = exitOf(provider, request.id)
        const sandbox = await provider.inspect(request.id)
        if (sandbox?.state.kind !== 'exited') await exited
        expect(await reportOf(provider, request.id)).toMatchObject({ code: 17 })
      })
    })

    describe('ending', () => {
      it.each([0, 1, 3, 69, 78])('tells exit code %i', async (code) => {
        const report = await reportAfter(requestFor(), `console.error('last words'); process.exit(${code})`)
        expect(report).toEqual({
          code,
          signal: null,
          oom: false,
          pids: false,
          output: false,
          wallClock: false,
          logTail: ['last words'],
        })
      })

      it.each(['SIGKILL', 'SIGSEGV', 'SIGTERM'])('tells a death by %s', async (signal) => {
        const code = `process.kill(process.pid, '${signal}'); await new Promise(() => setInterval(() => {}, 1000))`
        expect(await reportAfter(requestFor(), code)).toMatchObject({
          code: null,
          signal,
          oom: false,
          wallClock: false,
        })
      })

      it('asks the worker to end, and takes its answer', async () => {
        const request = requestFor()
        const puppet = await spawn(request)
        await puppet.run(`process.on('SIGTERM', () => process.exit(5))`)
        const exited = exitOf(provider, request.id)
        await provider.stop(request.id, 'term')
        await exited
        expect(await reportOf(provider, request.id)).toMatchObject({ code: 5, signal: null })
      })

      it('kills a worker that does not listen, and all that it started', async () => {
        const request = requestFor()
        const puppet = await spawn(request)
        await puppet.run(`process.on('SIGTERM', () => {})
          const { spawn } = await import('node:child_process'); spawn('sleep', ['1000'], { stdio: 'ignore' })`)
        const exited = exitOf(provider, request.id)
        await provider.stop(request.id, 'kill')
        await exited
        expect(await reportOf(provider, request.id)).toMatchObject({ code: null, signal: 'SIGKILL' })
        await provider.destroy(request.id)
        expect(await engine.remains(request.id)).toEqual([])
      })

      it('does not mind a stop of what has ended or never was', async () => {
        const request = requestFor()
        await reportAfter(request, 'process.exit(0)')
        await provider.stop(request.id, 'kill')
        await provider.stop(SandboxId.parse('never-made'), 'term')
      })

      it('keeps the post-mortem until the sandbox is destroyed, for every process', async () => {
        const request = requestFor()
        await reportAfter(request, `console.log('one'); console.log('two'); process.exit(4)`)
        await using other = await engine.openElsewhere()
        expect(await reportOf(other, request.id)).toMatchObject({ code: 4, logTail: ['one', 'two'] })
        await other.destroy(request.id)
        expect(await provider.inspect(request.id)).toBeUndefined()
      })

      it('keeps the last of an endless output', async () => {
        const report = await reportAfter(
          requestFor(),
          `const { writeSync } = await import('node:fs')
          const line = 'x'.repeat(1023) + '\\n'
          for (let n = 0; n < 20000; n++) for (let left = Buffer.from(line); left.length > 0;) {
            try { left = left.subarray(writeSync(1, left)) } catch (e) { if (e.code !== 'EAGAIN') throw e }
          }
          console.log('the end'); process.exit(0)`,
        )
        expect(report.code).toBe(0)
        expect(report.logTail.at(-1)).toBe('the end')
        expect(report.logTail.join('\n').length).toBeLessThan(1024 * 1024)
      })
    })

    describe('destroying', () => {
      it('leaves nothing of a running sandbox, however often and by however many it is asked', async () => {
        const request = requestFor()
        const puppet = await spawn(request)
        await using other = await engine.openElsewhere()
        await Promise.all([provider.destroy(request.id), other.destroy(request.id), provider.destroy(request.id)])
        await puppet.gone
        await provider.destroy(request.id)
        expect(await provider.inspect(request.id)).toBeUndefined()
        expect(await engine.remains(request.id)).toEqual([])
      })

      it('leaves nothing of a workspace that was made to be hard to remove', async () => {
        const request = requestFor()
        const puppet = await spawn(request)
        await puppet.run(`const fs = await import('node:fs')
          fs.mkdirSync('locked/inner', { recursive: true }); fs.writeFileSync('locked/inner/file', ''); fs.chmodSync('locked/inner', 0); fs.chmodSync('locked', 0)
          for (let depth = 0; depth < 300; depth++) { fs.mkdirSync('deep'.repeat(20)); process.chdir('deep'.repeat(20)) }`)
        await provider.destroy(request.id)
        expect(await engine.remains(request.id)).toEqual([])
      })

      it('makes room for another of the same id', async () => {
        const request = requestFor()
        const first = await spawn(request)
        await provider.destroy(request.id)
        await first.gone
        const second = await spawn(request)
        expect(await second.run('return env.SANDBOX_ID')).toBe(request.id)
      })
    })

    describe('limits', () => {
      it('ends what takes longer than its wall clock', async () => {
        const request = requestFor({ limits: { wallClockMinutes: 1 / 60 } })
        const puppet = await spawn(request)
        const exited = exitOf(provider, request.id)
        await Promise.all([exited, puppet.gone])
        expect(await reportOf(provider, request.id)).toMatchObject({ wallClock: true, oom: false })
      })

      it('refuses limits under which no worker could start', async () => {
        const refused = await provider.create(requestFor({ limits: { pids: 5 } }), never)
        expect(refused).toMatchObject({ kind: 'failed', code: 'config.invalid', retryable: false })
      })

      it.each(HOGS.filter(({ limit }) => limit === 'output' || options.holds[limit]))(
        'ends $what by its name, and lets it hurt nobody else',
        async ({ limits, code, cause }) => {
          const neighbour = await spawn(requestFor())
          const request = requestFor({ limits })
          const hog = await spawn(request)
          let over = false
          const exited = exitOf(provider, request.id).then(() => {
            over = true
          })
          hog.start(code)
          let slowestMs = 0
          while (!over) {
            const asked = performance.now()
            expect(await neighbour.run(`return (await import('node:child_process')).execSync('echo fine') + ''`)).toBe(
              'fine\n',
            )
            slowestMs = Math.max(slowestMs, performance.now() - asked)
          }
          await exited
          expect(causeOfExit(await reportOf(provider, request.id)).kind).toBe(cause)
          expect(slowestMs).toBeLessThan(UNDISTURBED_MS)
          await provider.destroy(request.id)
          expect(await engine.remains(request.id)).toEqual([])
        },
      )

      it.runIf(options.holds.pids)('says that the process limit was hit, when the worker ends by itself', async () => {
        const bomb = `const { spawn } = await import('node:child_process')
          const failed = await new Promise((resolve) => {
            for (let n = 0; n < 200; n++) spawn('sleep', ['1000'], { stdio: 'ignore' }).on('error', (e) => resolve(e.code))
          })
          process.exit(failed === 'EAGAIN' ? 11 : 12)`
        expect(await reportAfter(requestFor({ limits: { pids: 64 } }), bomb)).toMatchObject({ code: 11, pids: true })
      })
    })

    // What is not promised is not tested: an engine that does not isolate says so by its name.
    if (options.isolated)
      it('reaches the bus by its wire and nothing else of the host', async () => {
        const listener = createServer().listen(0, '127.0.0.1')
        await new Promise((resolve) => listener.once('listening', resolve))
        const address = listener.address()
        const port = typeof address === 'object' && address !== null ? address.port : 0
        const puppet = await spawn(requestFor())
        const code = `const net = await import('node:net')
          const reach = (host, port) => new Promise((resolve) => {
            const socket = net.connect({ host, port, timeout: 2000 })
            socket.on('connect', () => resolve('reached')).on('timeout', () => resolve('silent')).on('error', (e) => resolve(e.code))
          })
          return [await reach('127.0.0.1', ${port}), await reach('127.0.0.1', ${bus.address.split(':')[1]}), await reach('192.0.2.1', 53)]`
        expect(await puppet.run(code)).toEqual(['ECONNREFUSED', 'ECONNREFUSED', 'ENETUNREACH'])
        listener.close()
      })
  })
}
