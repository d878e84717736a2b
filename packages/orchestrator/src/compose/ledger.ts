import { Projector } from '../ledger/projector.ts'
import { loadViews } from '../ledger/views.ts'
import type { Foundation, Stores } from './foundation.ts'

/**
 * A ledger that has folded all that the log held when it was asked for, and follows it until `parts` are disposed.
 * `ledgerFailed` settles when it follows no more.
 */
export async function openLedger({ config, log }: Foundation, { factLog, specs }: Stores, parts: AsyncDisposableStack) {
  const floodFactsPerSecond = config.floodFactsPerSecond
  const { broken, ...views } = await loadViews(specs, factLog)
  const ledger = new Projector({ log: factLog }, { ...views, floodFactsPerSecond })
  ledger.onChange(({ refused }) => {
    // One line a batch: who floods the log of a spec is not to flood ours.
    if (refused.length > 0) log.warn('facts.refused', { count: refused.length, first: refused[0] })
  })
  const stop = new AbortController()
  const following = ledger.run(stop.signal)
  const ledgerFailed = following.then(
    () => new Error('the log is no longer followed'),
    (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
  )
  parts.defer(async () => {
    stop.abort(new Error('the ledger closes'))
    await ledgerFailed
  })
  await ledger.caughtUp(await factLog.lastSeq(), stop.signal)
  log.info('ledger.ready', { foldedTo: ledger.foldedTo })
  return { ledger, ledgerFailed, viewsBroken: broken }
}
