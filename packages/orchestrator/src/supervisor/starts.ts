import { runOf } from '@specfleet/shared'
import type { Clock } from '../clock.ts'
import type { Site } from '../engines/site.ts'
import { Semaphore } from '../semaphore.ts'
import type { Crew } from './crew.ts'
import type { StartingRun } from './world.ts'

/** A boot that takes longer holds up others no more. */
export const LONGEST_START_MS = 2_000
/** Nor does a sandbox that takes its engine longer to make: other engines may be well. */
const LONGEST_MAKING_MS = 10_000

/** One start under way; disposal ends it, unless its sandbox boots by then. */
export type Start = Disposable & {
  /** Its sandbox is made: from now on the start lasts as long as the boot. */
  boots(boot: Boot, signal: AbortSignal): void
}

export type Boot = {
  isOver(): boolean
  /** Calls back whenever it may be over. */
  onChange(look: () => void): Disposable
}

/**
 * Lets as many epochs start at a time as there are cores, in the order they came. A start takes a core
 * until its worker is ready: were a hundred runs that died together to boot together, each would be as late
 * as the last, and some too late for the limit of a boot. Who waits here has made nothing yet.
 */
export class Starts {
  readonly #clock: Clock
  readonly #permits: Semaphore
  readonly #closing = new AbortController()

  constructor(collaborators: { clock: Clock }, options: { atOnce: number }) {
    this.#clock = collaborators.clock
    this.#permits = new Semaphore(options.atOnce)
  }

  /** Resolves when it is this one's turn, with `closed` when no turn will come. Rejects with the signal's reason. */
  async next(signal: AbortSignal): Promise<Start | 'closed'> {
    try {
      return startWith(await this.#permits.acquire(AbortSignal.any([signal, this.#closing.signal])), this.#clock)
    } catch (reason) {
      if (this.#closing.signal.aborted && !signal.aborted) return 'closed'
      throw reason
    }
  }

  /**
   * For what is made ahead of need: resolves when nothing starts and nobody waits to, and counts as a start until it is
   * disposed of, or takes too long. `closed` when no turn will come. Rejects with the signal's reason.
   */
  async spare(signal: AbortSignal): Promise<Disposable | 'closed'> {
    try {
      const permit = await this.#permits.acquireLast(AbortSignal.any([signal, this.#closing.signal]))
      const turn = new DisposableStack()
      turn.use(permit)
      turn.use(this.#clock.after(LONGEST_START_MS, () => permit[Symbol.dispose]()))
      return turn
    } catch (reason) {
      if (this.#closing.signal.aborted && !signal.aborted) return 'closed'
      throw reason
    }
  }

  /** From now on nobody starts any more. */
  close(): void {
    this.#closing.abort(new Error('nothing is started any more'))
  }
}

function startWith(permit: Disposable, clock: Clock): Start {
  let booting = false
  const making = new DisposableStack()
  making.use(permit)
  making.use(clock.after(LONGEST_MAKING_MS, () => permit[Symbol.dispose]()))
  return {
    [Symbol.dispose]: () => {
      if (!booting) making.dispose()
    },
    boots(boot, signal) {
      booting = true
      const watch = new DisposableStack()
      watch.use(making)
      const end = () => watch.dispose()
      const look = () => {
        if (signal.aborted || boot.isOver()) end()
      }
      watch.use(boot.onChange(look))
      watch.use(clock.after(LONGEST_START_MS, end))
      signal.addEventListener('abort', end, { once: true })
      watch.defer(() => signal.removeEventListener('abort', end))
      look()
    },
  }
}

/** Over when the worker is ready, or its sandbox is no more. */
export function bootOf(
  { ledger }: Pick<Crew, 'ledger'>,
  { sandboxes }: Pick<Site, 'sandboxes'>,
  run: StartingRun,
): Boot {
  const { specId, runId, placement } = run
  return {
    isOver() {
      const spec = ledger.spec(specId)
      const view = spec === undefined ? undefined : runOf(spec, runId)
      if (view !== undefined && view.epoch === placement.epoch && view.ready) return true
      const known = sandboxes.sandboxes()
      return known !== undefined && known.get(placement.sandboxId)?.state.kind !== 'running'
    },
    onChange(look) {
      const watch = new DisposableStack()
      watch.use(ledger.onChange(({ specs }) => (specs.has(specId) ? look() : undefined)))
      watch.use(sandboxes.changes.on(look))
      return watch
    },
  }
}
