import type { BlobInventory, Blobs, FactLog, Held, Records, RunRecord } from '@specfleet/shared'
import { SpecfleetError } from '@specfleet/shared'
import { type Clock, every } from '../clock.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Log } from '../log.ts'
import type { RunBlobs } from './run-blobs.ts'

const SWEEP_EVERY_MS = 10 * 60_000
/** Who stores a blob names it in a record within minutes. */
const GRACE_MS = 60 * 60_000

type Collaborators = {
  readonly blobs: Pick<Blobs, 'inventory' | 'deleteVersion' | 'dropUpload'>
  readonly runs: Pick<Records<RunRecord>, 'all'>
  readonly runBlobs: Pick<Records<RunBlobs>, 'all' | 'delete'>
  readonly ledger: Pick<Ledger, 'specs'>
  readonly factLog: Pick<FactLog, 'follow' | 'lastSeq'>
  readonly clock: Clock
  readonly log: Log
  /** Whether sweeping is this orchestrator's part: one of all does it. */
  readonly isSweeper: () => boolean
}

type Found = BlobInventory['blobs'][number]

/**
 * Removes blobs that nobody owns, and what uploads left that were never finished.
 *
 * 1. A blob is owned while a run record, the state of a spec or an entry of the log names it, or a run that
 *    is not settled left it behind.
 * 2. Removed is what every sweep for an hour found ownerless. A sweeper that is new to it begins the hour anew.
 * 3. A blob that is stored again meanwhile is another version: the hour begins anew, and the removal of the
 *    version before does nothing. So two sweepers at a time, and any number of uploads, do no harm.
 */
export class BlobJanitor implements AsyncDisposable {
  readonly #with: Collaborators
  readonly #sweeps: Disposable
  readonly #stop = new AbortController()
  /** Since when each was found ownerless, by our monotonic clock. */
  #ownerless = new Map<string, number>()
  /** Named in the log, which forgets nothing. */
  readonly #logged = new Set<string>()
  #sweeping: Promise<void> | undefined

  constructor(collaborators: Collaborators) {
    this.#with = collaborators
    this.#sweeps = every(collaborators.clock, SWEEP_EVERY_MS, () => {
      this.#sweeping ??= this.sweep()
        .catch((error: unknown) => collaborators.log.warn('blobs.not-swept', { error }))
        .finally(() => {
          this.#sweeping = undefined
        })
    })
  }

  async sweep(): Promise<void> {
    const { blobs, log, clock, isSweeper } = this.#with
    if (!isSweeper()) {
      this.#ownerless.clear()
      return
    }
    const found = await blobs.inventory()
    const recorded = await this.#recorded()
    const candidates = found.blobs.filter(({ sha256 }) => !recorded.has(sha256) && !this.#logged.has(sha256))
    const due = this.#due(candidates, found.uploads, clock.monotonic())
    const named = await this.#named(new Set(due.blobs.map(({ sha256 }) => sha256)))
    let removed = 0
    for (const { sha256, version } of due.blobs)
      if (!named.has(sha256) && (await blobs.deleteVersion(sha256, version))) removed += 1
    for (const upload of due.uploads) await blobs.dropUpload(upload)
    const uploads = due.uploads.length
    if (removed + uploads > 0) log.info('blobs.swept', { blobs: found.blobs.length, removed, uploads })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#sweeps[Symbol.dispose]()
    this.#stop.abort(new Error('blobs are swept no longer'))
    await this.#sweeping
  }

  /** Names in run records, and what runs left behind that are not settled. */
  async #recorded(): Promise<Set<string>> {
    const { runs, runBlobs } = this.#with
    const names = new Set<string>()
    // What runs left behind first: one that is claimed in between is then among the records.
    const leftBehind = await runBlobs.all()
    const records = (await runs.all()).map(({ value }) => value)
    for (const record of records) for (const name of namesIn(JSON.stringify(record))) names.add(name)
    const unsettled = new Set(records.filter(({ state }) => state !== 'settled').map(({ runId }) => runId))
    for (const held of leftBehind) {
      const { runId, blobs } = held.value
      if (!unsettled.has(runId)) await this.#forget(held)
      else for (const name of Object.keys(blobs)) names.add(name)
    }
    return names
  }

  /** Of a run that is over. */
  async #forget({ key, revision }: Held<RunBlobs>): Promise<void> {
    try {
      await this.#with.runBlobs.delete(key, revision)
    } catch (error) {
      // It was written meanwhile, and is looked at again.
      if (!(error instanceof SpecfleetError && error.code === 'bus.conflict')) throw error
    }
  }

  /** Those that have been ownerless for long enough. */
  #due(blobs: readonly Found[], uploads: readonly string[], now: number): { blobs: Found[]; uploads: string[] } {
    const since = new Map<string, number>()
    const isDue = (key: string) => {
      const first = this.#ownerless.get(key) ?? now
      since.set(key, first)
      return now - first >= GRACE_MS
    }
    const due = {
      blobs: blobs.filter(({ sha256, version }) => isDue(`${sha256} ${version}`)),
      uploads: uploads.filter((upload) => isDue(upload)),
    }
    this.#ownerless = since
    return due
  }

  /** Which of them the state of a spec or an entry of the log names. */
  async #named(wanted: ReadonlySet<string>): Promise<ReadonlySet<string>> {
    const named = new Set<string>()
    if (wanted.size === 0) return named
    for (const spec of this.#with.ledger.specs())
      for (const name of namesIn(JSON.stringify(spec))) if (wanted.has(name)) named.add(name)
    const upTo = await this.#with.factLog.lastSeq()
    if (upTo === 0) return named
    const { signal } = this.#stop
    for await (const batch of this.#with.factLog.follow({ fromSeq: 1, signal })) {
      for (const { data } of batch)
        for (const name of namesIn(Buffer.from(data).toString('latin1'))) {
          if (!wanted.has(name)) continue
          named.add(name)
          this.#logged.add(name)
        }
      if ((batch.at(-1)?.seq ?? 0) >= upTo) break
    }
    signal.throwIfAborted()
    return named
  }
}

const namesIn = (text: string): string[] => text.match(/(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])/g) ?? []
