import type { BusStatus } from '@specfleet/shared'
import type { Clock } from '../clock.ts'
import type { Emitter } from '../emitter.ts'
import type { Log } from '../log.ts'
import { watchForStalls } from '../stall-watch.ts'

/** Why we heard nothing: the bus was away, for others perhaps too, or this very process stood still. */
export type Deafness = 'outage' | 'stall'

/** Who judges others by their silence. */
export interface Listener {
  /** We hear nothing for reasons of our own. */
  deafen(): void
  /** We hear again. */
  listen(after: Deafness): void
}

type Collaborators = { readonly status: Emitter<BusStatus>; readonly clock: Clock; readonly log: Log }

/** Tells listeners when we cannot hear: the bus is away, or this very process stood still. */
export function watchHearing({ status, clock, log }: Collaborators, listeners: readonly Listener[]): Disposable {
  const watches = new DisposableStack()
  let connected = true
  const listen = (after: Deafness) => {
    if (connected) for (const listener of listeners) listener.listen(after)
  }
  const deafen = () => {
    for (const listener of listeners) listener.deafen()
  }
  watches.use(
    status.on(({ kind }) => {
      if (kind !== 'disconnected' && kind !== 'reconnected') return
      connected = kind === 'reconnected'
      if (connected) listen('outage')
      else deafen()
    }),
  )
  watches.use(
    watchForStalls(clock, (ms) => {
      log.warn('process.stalled', { ms: Math.round(ms) })
      deafen()
      listen('stall')
    }),
  )
  return watches
}
