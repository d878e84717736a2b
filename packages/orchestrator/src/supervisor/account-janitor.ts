import type { CredentialMint } from '@specfleet/shared'
import { isPlaced } from '@specfleet/shared'
import { type Clock, every } from '../clock.ts'
import type { Log } from '../log.ts'
import type { RunTable } from './run-table.ts'

type Collaborators = {
  readonly mint: Pick<CredentialMint, 'accounts' | 'revoke'>
  readonly table: Pick<RunTable, 'active'>
  readonly clock: Clock
  readonly log: Log
  /** Whether sweeping is this orchestrator's part: one of all does it. */
  readonly isSweeper: () => boolean
}

/**
 * Revokes sandbox accounts that no record speaks of: a crash between the making of an
 * account and the writing of its record leaves one behind. Its credentials never left the
 * process that died, so there is no hurry, and one is revoked only when two sweeps in a row
 * found it ownerless.
 */
export class AccountJanitor implements AsyncDisposable {
  readonly #with: Collaborators
  readonly #sweeps: Disposable
  #ownerless: ReadonlySet<string> = new Set()
  #sweeping: Promise<void> | undefined

  /** @param options.everyMs longer than any account can be without a record: a start takes seconds */
  constructor(collaborators: Collaborators, { everyMs }: { everyMs: number }) {
    this.#with = collaborators
    this.#sweeps = every(collaborators.clock, everyMs, () => {
      this.#sweeping ??= this.sweep()
        .catch((error: unknown) => collaborators.log.warn('accounts.not-swept', { error }))
        .finally(() => {
          this.#sweeping = undefined
        })
    })
  }

  async sweep(): Promise<void> {
    const { mint, table, log, isSweeper } = this.#with
    if (!isSweeper()) {
      this.#ownerless = new Set()
      return
    }
    const known = await mint.accounts()
    const owned = new Set(table.active().flatMap((run) => (isPlaced(run) ? [run.placement.account] : [])))
    const ownerless = known.filter((account) => !owned.has(account))
    const revoked = ownerless.filter((account) => this.#ownerless.has(account))
    this.#ownerless = new Set(ownerless)
    for (const account of revoked) await mint.revoke(account)
    if (revoked.length > 0) log.info('accounts.swept', { known: known.length, revoked: revoked.length })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#sweeps[Symbol.dispose]()
    await this.#sweeping
  }
}
