import { openFactWriter } from '../facts.ts'
import { openClaims } from '../intake/claim.ts'
import { Consumer } from '../intake/consumer.ts'
import { Semaphore } from '../semaphore.ts'
import type { Sources } from '../source/source.ts'
import type { Crew } from '../supervisor/crew.ts'
import type { Foundation, Stores } from './foundation.ts'

/** Sources that are fetched at a time, each by a process of its own. */
const FETCHES_AT_ONCE = 8

type Intake = Crew & Stores & { readonly sources: Sources }

/** Takes tasks from the queue until it is disposed; what is under way is let go first. */
export function openIntake(
  { config, clock, log }: Foundation,
  intake: Intake,
  parts: AsyncDisposableStack,
): AsyncDisposable {
  const { bus, table, ledger, factLog, queue, sources, engines } = intake
  const stop = new AbortController()
  const fetches = new Semaphore(FETCHES_AT_ONCE)
  const fetchSource: Sources['fetch'] = (source, signal) => fetches.run(() => sources.fetch(source, signal))
  const options = { terms: { ...config, offers: engines.offers } }
  const facts = openFactWriter({ log: factLog, clock }, 'intake')
  const accept = openClaims({ bus, table, ledger, factLog, facts, clock, log, fetchSource }, options, stop.signal)
  const consumer = new Consumer({ queue, table, clock, log, accept }, { backlogLimit: config.backlogLimit })
  // Who runs nothing takes nothing on: it is there for its doors and its views.
  if (config.slots > 0) consumer.start()
  return parts.use({
    async [Symbol.asyncDispose]() {
      stop.abort(new Error('intake stops'))
      await consumer[Symbol.asyncDispose]()
    },
  })
}
