import { chargedTo, newId, type PlacedRun, parseJson, runOf, SpecfleetError } from '@specfleet/shared'
import * as z from 'zod'
import type { FactWriter } from '../facts.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { type CallTokens, ceilingOf, costOf } from './prices.ts'
import type { CallReport } from './usage-reader.ts'

/** How long what a call cost may take to be written down; it counts as its ceiling until then. */
const SETTLE_MS = 30_000

type Collaborators = {
  readonly ledger: Pick<Ledger, 'caughtUp' | 'spec'>
  /** Speaks as `gateway`. */
  readonly facts: FactWriter
  /** Whether the upstream costs nothing. */
  readonly free: boolean
}

/** A model call that may be made. */
export interface Charge {
  /** No reply came. */
  release(): Promise<void>
  /** A reply came, perhaps in part; `bytes` of it were passed on. */
  settle(report: CallReport, bytes: number): Promise<void>
}

const FREE: Charge = { release: async () => {}, settle: async () => {} }

/** What of a request decides what it may cost. */
const Priced = z.looseObject({ model: z.string(), max_tokens: z.number().int().nonnegative() })

/**
 * Keeps runs to their budgets of US dollars and turns, over all epochs and owners.
 *
 * 1. Before a call is made the log says what it may cost at most, and behind it what it cost:
 *    whoever dies in between, the ceiling counts.
 * 2. Of calls at the same time the log's order decides which still fits.
 * 3. What has no known price is not called.
 */
export class Purse {
  readonly #with: Collaborators

  constructor(collaborators: Collaborators) {
    this.#with = collaborators
  }

  /** Whether calls of this run are charged, and their requests have to be read. */
  charges({ task: { budget } }: PlacedRun): boolean {
    return budget.turns !== undefined || (budget.usd !== undefined && !this.#with.free)
  }

  /** @throws SpecfleetError `budget.exhausted`, `budget.unpriced`, `request.malformed`. */
  async open(run: PlacedRun, body: Uint8Array, signal: AbortSignal): Promise<Charge> {
    if (!this.charges(run)) return FREE
    const ceiling = this.#ceilingOf(run, body)
    await this.#requireRoom(run, undefined)
    const callId = newId()
    const { ledger, facts } = this.#with
    const seq = await facts.state(
      scopeOf(run),
      { type: 'budget.reserved', data: { usd: ceiling.usd, callId } },
      { signal },
    )
    const settle = (usd: number | null, replied: boolean) => this.#settle(run, callId, usd, replied)
    try {
      await ledger.caughtUp(seq, signal)
      await this.#requireRoom(run, callId)
    } catch (error) {
      await settle(0, false)
      throw error
    }
    return {
      release: () => settle(0, false),
      settle: ({ model, tokens, complete }, bytes) => {
        const spent = complete ? tokens : atMost(tokens, Math.min(ceiling.outputTokens, bytes))
        const usd = this.#with.free ? 0 : costOf(model ?? '', spent)
        return settle(usd === null || complete ? usd : Math.min(usd, ceiling.usd), true)
      },
    }
  }

  #ceilingOf({ task: { budget } }: PlacedRun, body: Uint8Array): { usd: number; outputTokens: number } {
    const request = Priced.safeParse(parseJson(body))
    if (!request.success) throw new SpecfleetError('request.malformed', 'it names no "model" and "max_tokens"')
    const { model, max_tokens: outputTokens } = request.data
    if (budget.usd === undefined || this.#with.free) return { usd: 0, outputTokens }
    // No token is shorter than a byte.
    const usd = ceilingOf(model, { prompt: body.byteLength, output: outputTokens })
    if (usd === null) throw new SpecfleetError('budget.unpriced', model.slice(0, 128))
    return { usd, outputTokens }
  }

  async #requireRoom(run: PlacedRun, callId: string | undefined): Promise<void> {
    const spec = this.#with.ledger.spec(run.specId)
    const view = spec === undefined ? undefined : runOf(spec, run.runId)
    if (view === undefined) throw new SpecfleetError('run.unknown', run.runId)
    const { budget } = run.task
    const used = chargedTo(view, callId)
    const limit =
      budget.usd !== undefined && !this.#with.free && used.usd >= budget.usd
        ? 'usd'
        : budget.turns !== undefined && used.turns >= budget.turns
          ? 'turns'
          : undefined
    if (limit === undefined) return
    if (view.exhausted === undefined)
      await this.#with.facts.state(scopeOf(run), { type: 'budget.exhausted', data: { limit, used: used[limit] } })
    throw new SpecfleetError('budget.exhausted', `${used[limit]} of ${budget[limit]} (${limit}) are spent`)
  }

  async #settle(run: PlacedRun, callId: string, usd: number | null, replied: boolean): Promise<void> {
    const signal = AbortSignal.timeout(SETTLE_MS)
    await this.#with.facts.state(scopeOf(run), { type: 'budget.settled', data: { usd, callId, replied } }, { signal })
  }
}

const scopeOf = ({ specId, runId, placement: { epoch } }: PlacedRun) => ({ specId, runId, epoch })

/** A reply that broke off did not say how long it was, but each of its tokens was at least a byte. */
const atMost = (tokens: CallTokens, output: number): CallTokens => ({
  ...tokens,
  output: Math.max(tokens.output, output),
})
