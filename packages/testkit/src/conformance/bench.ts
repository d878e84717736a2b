import { type ExitReport, RunId, SandboxId, SpecId } from '@specfleet/shared'
import { expect } from 'vitest'
import type {
  Created,
  Limits,
  Sandbox,
  SandboxEvent,
  SandboxProvider,
  SandboxRequest,
} from '../../../orchestrator/src/providers/provider.ts'
import { type Puppet, type PuppetBus, startPuppetBus } from '../puppet-bus.ts'

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
  /** Whether it still counts the processes that were refused to a sandbox once that has ended by itself. */
  readonly countsRefusals: boolean
  start(busAddress: string): Promise<ProviderUnderTest>
}

export const FLEET = 'conformance'
const ROOMY: Limits = { memoryMb: 256, diskMb: 64, cpus: 1, pids: 128, wallClockMinutes: 5, outputMb: 64 }

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

/** For what nobody calls off. */
export const never = new AbortController().signal

/** An engine with a provider on it, and a bus whose far ends are puppets. */
export type Bench = AsyncDisposable & {
  readonly bus: PuppetBus
  readonly engine: ProviderUnderTest
  readonly provider: SandboxProvider & AsyncDisposable
  spawn(request: SandboxRequest): Promise<Puppet>
  /** What is reported after a worker has run that code. */
  reportAfter(request: SandboxRequest, code: string): Promise<ExitReport>
}

export async function openBench(options: ConformanceOptions): Promise<Bench> {
  const bus = await startPuppetBus()
  const engine = await options.start(bus.address)
  const provider = await engine.open()
  const spawn = async (request: SandboxRequest): Promise<Puppet> => {
    const created = await provider.create(request, never)
    expect(created).toEqual({ kind: 'running' })
    return bus.puppet(request.id)
  }
  return {
    bus,
    engine,
    provider,
    spawn,
    async reportAfter(request, code) {
      const puppet = await spawn(request)
      const exited = exitOf(provider, request.id)
      puppet.start(code)
      await exited
      return reportOf(provider, request.id)
    },
    async [Symbol.asyncDispose]() {
      for (const { id } of await provider.list()) await provider.destroy(id)
      await provider[Symbol.asyncDispose]()
      await engine[Symbol.asyncDispose]()
      await bus[Symbol.asyncDispose]()
    },
  }
}
