/** A provider of containers that hands every run to a worker that waits, and proves it: for tests of what that changes. */
import { type Clock, systemClock } from '../../packages/orchestrator/src/clock.ts'
import { openLog } from '../../packages/orchestrator/src/log.ts'
import { refuseLimits } from '../../packages/orchestrator/src/providers/limits.ts'
import type {
  Created,
  Limits,
  SandboxProvider,
  SandboxRequest,
} from '../../packages/orchestrator/src/providers/provider.ts'
import { openProvider, type RegistryOptions } from '../../packages/orchestrator/src/providers/registry.ts'
import { SandboxId } from '../../packages/shared/src/index.ts'

/** However busy the machine is, no limit of time is met by it. */
export const unhurried: Clock = { ...systemClock, after: (ms, run) => systemClock.after(ms * 100, run) }

/** The choice of such a provider in another process. */
export const ALWAYS_WARM = 'docker, always warm'

const USUAL: Limits = { memoryMb: 256, diskMb: 64, cpus: 1, pids: 128, wallClockMinutes: 5, outputMb: 64 }

/** What a provider does with workers that wait, told by its log. */
export class WarmLog {
  readonly #events: Record<string, unknown>[] = []
  readonly #listeners = new Set<() => void>()

  readonly log = openLog({
    level: 'debug',
    now: () => new Date(),
    write: (line) => {
      const event: Record<string, unknown> = JSON.parse(line)
      if (event.level === 'error' || event.level === 'warn') process.stderr.write(`${line}\n`)
      this.#events.push(event)
      for (const look of [...this.#listeners]) look()
    },
  })

  all(name: string): readonly Record<string, unknown>[] {
    return this.#events.filter(({ event }) => event === name)
  }

  /** Containers that wait now, of those resources. */
  waiting({ memoryMb, diskMb, cpus, pids }: Limits): string[] {
    const over = ['handed-over', 'not-handed-over', 'dismissed', 'lost'].flatMap((how) => this.all(`warm.${how}`))
    const gone = new Set(over.map(({ container }) => container))
    const resources = JSON.stringify([memoryMb, diskMb, cpus, pids])
    return this.all('warm.waiting')
      .filter((each) => JSON.stringify([each.memoryMb, each.diskMb, each.cpus, each.pids]) === resources)
      .flatMap(({ container }) => (gone.has(container) ? [] : [String(container)]))
  }

  /** Resolves when that holds; asked again whenever something is logged. */
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!holds()) return
        this.#listeners.delete(look)
        resolve()
      }
      this.#listeners.add(look)
      look()
    })
  }
}

/** For a provider that waits with nobody. */
export const anyTurn = async (): Promise<Disposable> => ({ [Symbol.dispose]: () => {} })

export async function openAlwaysWarm(options: RegistryOptions): Promise<SandboxProvider & AsyncDisposable> {
  const heard = new WarmLog()
  const warm = { floor: 1, ceiling: 4, limits: USUAL, turn: anyTurn }
  const provider = await openProvider('docker', { ...options, log: heard.log, warm })
  const isWarm = (id: SandboxId) => heard.all('warm.handed-over').some(({ sandboxId }) => sandboxId === id)
  /** Unusual ones wait only once such were asked for again. */
  const untilOneWaits = async (request: SandboxRequest, signal: AbortSignal) => {
    const isThere = () => heard.waiting(request.limits).length > 0
    for (let nth = 0; nth < 2 && !isUsual(request.limits) && !isThere(); nth++) {
      const id = SandboxId.parse(`${request.id.slice(0, 40)}-before-${nth}`)
      await provider.create({ ...request, id }, signal)
      await provider.destroy(id)
    }
    await heard.until(isThere)
  }
  return {
    name: provider.name,
    engine: provider.engine,
    isolation: provider.isolation,
    images: provider.images,
    async create(request: SandboxRequest, signal: AbortSignal): Promise<Created> {
      if (refuseLimits(request.limits) !== undefined || signal.aborted) return provider.create(request, signal)
      for (;;) {
        const isNew = (await provider.inspect(request.id)) === undefined
        if (isNew) await untilOneWaits(request, signal)
        const created = await provider.create(request, signal)
        if (!isNew || created.kind !== 'running') return created
        // The next one waits: whoever ends this process now leaves all that such a process can leave.
        if (isWarm(request.id)) return heard.until(() => heard.waiting(USUAL).length > 0).then(() => created)
        // A busy machine may have kept the worker from answering in time: the cold start is no proof of anything here.
        await provider.destroy(request.id)
      }
    },
    inspect: (id) => provider.inspect(id),
    list: () => provider.list(),
    stop: (id, how) => provider.stop(id, how),
    destroy: (id) => provider.destroy(id),
    watch: (onEvent) => provider.watch(onEvent),
    [Symbol.asyncDispose]: () => provider[Symbol.asyncDispose](),
  }
}

const isUsual = ({ memoryMb, diskMb, cpus, pids }: Limits): boolean =>
  memoryMb === USUAL.memoryMb && diskMb === USUAL.diskMb && cpus === USUAL.cpus && pids === USUAL.pids
