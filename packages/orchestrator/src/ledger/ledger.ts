import type { SpecId, SpecState } from '@specfleet/shared'

/** The fold of the log, as this orchestrator knows it. */
export interface Ledger {
  /** Sequence in the log up to which everything is folded. */
  readonly foldedTo: number
  spec(id: SpecId): SpecState | undefined
  specs(): Iterable<SpecState>
  /** Sequence of the last entry of a spec; 0 for none. */
  lastSeqOf(id: SpecId): number
  /** Resolves once the log is folded up to `seq`; rejects with the signal's reason. */
  caughtUp(seq: number, signal: AbortSignal): Promise<void>
  /** Calls back after every batch that was folded. */
  onChange(listener: (change: LedgerChange) => void): Disposable
}

export type LedgerChange = {
  readonly foldedTo: number
  readonly specs: ReadonlySet<SpecId>
  /** Incarnations that publish more than they may, `<runId>.<epoch>`. */
  readonly floods: readonly Incarnation[]
  /** Entries that were refused. */
  readonly refused: readonly { readonly seq: number; readonly subject: string; readonly reason: string }[]
}

export type Incarnation = { readonly runId: string; readonly epoch: number }
