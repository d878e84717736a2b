import type { FactLog, Held, Records, SpecId } from '@specfleet/shared'
import { fold, foldRefused, readEntry, SpecfleetError, SpecId as SpecIdSchema, SpecState } from '@specfleet/shared'
import * as z from 'zod'
import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import type { Ledger } from './ledger.ts'

/** Raise it when the fold of an old log comes out differently: stored views are then dropped. */
const VIEW_VERSION = 2
/** From one round of writing to the next. */
const WRITE_EVERY_MS = 100
/** The cursor only says how much a start may skip, so it need not follow every round. */
const CURSOR_EVERY_MS = 1_000
const WRITES_AT_A_TIME = 32
/** No spec can be called that: an id has no dot. */
const CURSOR_KEY = 'ledger.cursor'

/** As it was stored, byte for byte: a schema that parses would put its fields into another order than the fold does. */
const StoredState = z.custom<SpecState>((value) => SpecState.safeParse(value).success, 'is no state of a spec')

/** What lies in KV bucket `sf_specs`: under each spec's id its state, and how far all of them go. */
export const View = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('spec'), version: z.number().int(), state: StoredState }),
  z.object({
    kind: z.literal('cursor'),
    version: z.number().int(),
    /** Every stored view is the fold of its spec at least up to this sequence. */
    foldedTo: z.number().int().nonnegative(),
    /** How many views there are. */
    stored: z.number().int().nonnegative(),
    /** Specs whose state is too large for a view. */
    tooLarge: z.array(SpecIdSchema),
  }),
])
export type View = z.infer<typeof View>

export type StoredViews = {
  readonly states: SpecState[]
  readonly foldedTo: number
  /** Some are missing or out of date, whatever the cursor says. */
  readonly broken: boolean
}

const reachOf = (view: View): number => {
  if (view.version !== VIEW_VERSION) return -1
  return view.kind === 'spec' ? view.state.foldedTo : view.foldedTo
}

/** Views to start the fold from. Whenever they are not whole, the fold starts from nothing: they are only a short cut. */
export async function loadViews(records: Records<View>, log: FactLog): Promise<StoredViews> {
  const nothing: StoredViews = { states: [], foldedTo: 0, broken: true }
  const views = (await records.all()).map((held) => held.value)
  const cursor = views.find((view) => view.kind === 'cursor')
  if (cursor === undefined || cursor.version !== VIEW_VERSION || cursor.foldedTo > (await log.lastSeq())) return nothing
  const states = views.flatMap((view) => (view.kind === 'spec' && view.version === VIEW_VERSION ? [view.state] : []))
  if (states.length < cursor.stored) return nothing
  for (const specId of cursor.tooLarge) {
    const state = await foldAlone(log, specId, cursor.foldedTo)
    if (state !== undefined) states.push(state)
  }
  return { states, foldedTo: cursor.foldedTo, broken: false }
}

async function foldAlone(log: FactLog, specId: SpecId, toSeq: number): Promise<SpecState | undefined> {
  let state: SpecState | undefined
  for await (const entry of log.readSpec(specId, { toSeq })) {
    const read = readEntry(entry.subject, entry.value())
    if (read.kind === 'fact') state = fold(state, read.fact, entry.seq)
    if (read.kind === 'refused') state = foldRefused(state, read.reason, entry.seq)
  }
  return state
}

type Collaborators = {
  readonly records: Pick<Records<View>, 'get' | 'create' | 'replace'>
  readonly ledger: Pick<Ledger, 'foldedTo' | 'spec' | 'specs' | 'onChange'>
  readonly clock: Clock
  readonly log: Log
  /** Whether writing is this orchestrator's part: one of all does it. */
  readonly isWriter: () => boolean
}

/**
 * Writes the views that have changed, in rounds: however many facts of a spec come in between,
 * its view is written once.
 *
 * 1. A view is replaced only by one that is folded further, also when two write at a time.
 * 2. The cursor moves only when every view it speaks of is stored.
 * 3. Whoever found the views broken when it started mends them, once.
 */
export class ViewWriter implements AsyncDisposable {
  readonly #with: Collaborators
  readonly #held = new Map<string, Held<View>>()
  readonly #subscription: Disposable
  #timer: Disposable | undefined
  #writing: Promise<void> | undefined
  #closed = false
  #rewrite: boolean
  #cursorAt = Number.NEGATIVE_INFINITY

  /** @param options.rewrite whether what is stored is not to be trusted */
  constructor(collaborators: Collaborators, options: { rewrite: boolean }) {
    this.#with = collaborators
    this.#rewrite = options.rewrite
    this.#subscription = collaborators.ledger.onChange(() => this.#arm())
    this.#arm()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    this.#subscription[Symbol.dispose]()
    this.#timer?.[Symbol.dispose]()
    await this.#writing
  }

  #arm(): void {
    if (this.#closed || this.#timer !== undefined) return
    this.#timer = this.#with.clock.after(WRITE_EVERY_MS, () => {
      this.#writing = this.#write()
        .catch((error: unknown) => {
          this.#with.log.warn('views.not-written', { error })
          return true
        })
        .then((again) => {
          this.#timer = undefined
          if (again) this.#arm()
        })
    })
  }

  /** Whether there is more to write. */
  async #write(): Promise<boolean> {
    if (!this.#with.isWriter() && !this.#rewrite) return false
    const { ledger, log, clock } = this.#with
    const upTo = ledger.foldedTo
    const cursor = await this.#current(CURSOR_KEY)
    const trusted = !this.#rewrite && cursor?.kind === 'cursor' && cursor.version === VIEW_VERSION
    const from = trusted ? cursor.foldedTo : 0
    if (from >= upTo) return false
    const { stored, tooLarge } = await this.#writeViews(from, new Set(cursor?.kind === 'cursor' ? cursor.tooLarge : []))
    if (clock.monotonic() - this.#cursorAt < CURSOR_EVERY_MS) return true
    await this.#put(CURSOR_KEY, { kind: 'cursor', version: VIEW_VERSION, foldedTo: upTo, stored, tooLarge })
    this.#cursorAt = clock.monotonic()
    this.#rewrite = false
    log.debug('views.written', { from, upTo, stored, tooLarge: tooLarge.length })
    return ledger.foldedTo > upTo
  }

  /** Stores what is folded beyond `from`. What was too large may have become smaller. */
  async #writeViews(from: number, wereTooLarge: ReadonlySet<SpecId>): Promise<{ stored: number; tooLarge: SpecId[] }> {
    const { ledger } = this.#with
    const states = [...ledger.specs()]
    const due = states.filter(({ foldedTo, specId }) => foldedTo > from || wereTooLarge.has(specId))
    const tooLarge: SpecId[] = []
    const left = due.values()
    const writer = async () => {
      for (const due of left) {
        // What was folded since then need not wait for the next round.
        const state = ledger.spec(due.specId) ?? due
        const view: View = { kind: 'spec', version: VIEW_VERSION, state }
        if (!(await this.#put(state.specId, view))) tooLarge.push(state.specId)
      }
    }
    const writers = Array.from({ length: Math.min(WRITES_AT_A_TIME, due.length) }, writer)
    // A round is over only when none of it is under way any more.
    await Promise.allSettled(writers)
    await Promise.all(writers)
    return { stored: states.length - tooLarge.length, tooLarge }
  }

  async #current(key: string): Promise<View | undefined> {
    const held = this.#held.get(key) ?? (await this.#with.records.get(key))
    if (held !== undefined) this.#held.set(key, held)
    return held?.value
  }

  /** Whether what is stored now goes at least as far; `false` when it is too large to be stored. */
  async #put(key: string, view: View): Promise<boolean> {
    try {
      for (;;) {
        await this.#current(key)
        const held = this.#held.get(key)
        if (held !== undefined && reachOf(held.value) >= reachOf(view)) return true
        const written =
          held === undefined ? await this.#with.records.create(key, view) : await this.#with.records.replace(held, view)
        if (written !== 'exists' && written !== 'conflict') {
          this.#held.set(key, written)
          return true
        }
        this.#held.delete(key)
      }
    } catch (error) {
      if (error instanceof SpecfleetError && error.code === 'bus.too-large') return false
      throw error
    }
  }
}
