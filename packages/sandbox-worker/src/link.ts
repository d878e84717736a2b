import { type Bus, type NewFact, type NewTrace, openWorkerLog, type SandboxEnv } from '@specfleet/shared/boot'
import type { Clock } from './clock.ts'
import { listenForOrders } from './link/control-in.ts'
import { FactsOut } from './link/facts-out.ts'
import { type Standing, startHeart } from './link/heart.ts'
import { Orders } from './link/orders.ts'
import type { Scope } from './link/scope.ts'
import { TraceOut } from './link/trace-out.ts'

/** Everything a run says to the fleet and hears from it. */
export interface Link extends AsyncDisposable {
  readonly scope: Scope
  readonly orders: Orders
  /** Told with every heartbeat; whoever advances the run writes it. */
  readonly standing: Standing
  /** Settles when the fact is in the log. */
  state(fact: NewFact): Promise<void>
  /** Says something that may be lost. */
  trace(trace: NewTrace): void
  log(level: 'debug' | 'info' | 'warn' | 'error', text: string): void
}

export type LinkOptions = {
  scope: Scope
  clock: Pick<Clock, 'now' | 'host'>
  level: SandboxEnv['LOG_LEVEL']
  /** Ends the retries of what is not acknowledged. */
  signal: AbortSignal
}

/** Opens the link over a connected bus: from here on orders are heard and the heart beats. */
export function openLink(bus: Bus, { scope, clock, level, signal }: LinkOptions): Link {
  const { now } = clock
  const orders = new Orders()
  const standing: Standing = { phase: null, turn: 0 }
  const facts = new FactsOut(openWorkerLog(bus), { scope, now, signal })
  const trace = new TraceOut(bus, { scope, now, level })
  const control = listenForOrders(bus, scope, orders, (reason) => trace.log('warn', reason))
  const heart = startHeart(bus, scope, clock, () => standing)
  return {
    scope,
    orders,
    standing,
    state: (fact) => facts.state(fact),
    trace: (event) => trace.emit(event),
    log: (severity, text) => trace.log(severity, text),
    async [Symbol.asyncDispose]() {
      heart[Symbol.dispose]()
      control.unsubscribe()
      await control.closed
    },
  }
}
