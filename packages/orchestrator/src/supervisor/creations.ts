import { setImmediate } from 'node:timers/promises'
import type { Held, Records, RunRecord } from '@specfleet/shared'

/** Most records in one write. */
const MOST_RECORDS = 256
const MOST_BYTES = 4 * 1024 * 1024

type Created = Held<RunRecord> | 'exists'
type Wanted = {
  readonly run: RunRecord
  readonly bytes: number
  readonly resolve: (created: Created | Promise<Created>) => void
}

/**
 * Creates run records; those that are asked for while another write is under way go together
 * into the next one, since a write to the disk costs the same for one record as for many.
 */
export class Creations {
  readonly #records: Pick<Records<RunRecord>, 'create' | 'createTogether'>
  #wanted: Wanted[] = []
  #writing = false

  constructor(records: Pick<Records<RunRecord>, 'create' | 'createTogether'>) {
    this.#records = records
  }

  create(run: RunRecord): Promise<Created> {
    const { promise, resolve } = Promise.withResolvers<Created>()
    // A record is hardly more than its task.
    this.#wanted.push({ run, bytes: Buffer.byteLength(run.task.text ?? ''), resolve })
    if (!this.#writing) void this.#write()
    return promise
  }

  /** Never rejects: whoever wanted a record is told how its creation went. */
  async #write(): Promise<void> {
    this.#writing = true
    // What is asked for in the same turn goes together from the first.
    await setImmediate()
    while (this.#wanted.length > 0) {
      const some = this.#cut()
      const together = some.length > 1 && (await this.#createTogether(some))
      // One of them exists already, or nobody knows: then each is asked for by itself.
      if (!together) await Promise.allSettled(some.map((wanted) => this.#createOne(wanted)))
    }
    this.#writing = false
  }

  async #createTogether(some: readonly Wanted[]): Promise<boolean> {
    const entries = some.map(({ run }) => ({ key: run.runId, value: run }))
    const created = await this.#records.createTogether(entries).catch(() => undefined)
    if (created === undefined) return false
    for (const [index, { resolve }] of some.entries()) resolve(created[index] ?? 'exists')
    return true
  }

  #createOne({ run, resolve }: Wanted): Promise<unknown> {
    const creating = this.#records.create(run.runId, run)
    resolve(creating)
    return creating
  }

  /** The first of them, each run once. */
  #cut(): Wanted[] {
    const seen = new Set<string>()
    let bytes = 0
    let end = 0
    for (const { run, bytes: more } of this.#wanted) {
      if (end === MOST_RECORDS || seen.has(run.runId) || (end > 0 && bytes + more > MOST_BYTES)) break
      seen.add(run.runId)
      bytes += more
      end += 1
    }
    return this.#wanted.splice(0, end)
  }
}
