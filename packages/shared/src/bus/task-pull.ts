import { createInbox, type Msg } from 'nats'
import type { NatsBus } from './nats-bus.ts'
import { nanos } from './streams.ts'

/** How a pull ended: with what came, or because the server was not there to answer. */
export type Pulled = { messages: Msg[]; away: boolean }

/** The server answers a pull that is over by itself; this much later it counts as gone. */
const GRACE_MS = 2_000

/**
 * Asks a durable consumer once for up to `batch` messages; with `waitMs`, waits for the
 * first as an event. A message that comes after the signal aborted goes straight back to
 * the queue, so that nobody waits for its acknowledgement.
 */
export function pullOnce(
  bus: NatsBus,
  consumer: string,
  options: { batch: number; waitMs: number; signal: AbortSignal },
): Promise<Pulled> {
  const { batch, waitMs, signal } = options
  const { promise, resolve } = Promise.withResolvers<Pulled>()
  const messages: Msg[] = []
  let given = false
  const give = (away: boolean): void => {
    if (given) return
    given = true
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
    resolve({ messages, away })
  }
  const finish = (away: boolean): void => {
    give(away)
    stopWatching()
    subscription.unsubscribe()
  }
  const onAbort = (): void => give(false)
  const take = (message: Msg): void => {
    if (message.reply?.startsWith('$JS.ACK.')) {
      if (given) message.respond('-NAK')
      else messages.push(message)
      if (given || messages.length >= batch) finish(false)
    } else if (message.headers?.code !== 100) {
      finish(message.headers?.code === 503 || message.headers?.code === 409)
    }
  }
  const inbox = createInbox(bus.inboxPrefix)
  const subscription = bus.nats.subscribe(inbox, {
    callback: (error, message) => (error === null ? take(message) : finish(true)),
  })
  const timer = setTimeout(() => finish(true), waitMs + GRACE_MS)
  const stopWatching = bus.onDisconnect(() => finish(true))
  signal.addEventListener('abort', onAbort, { once: true })
  const request = waitMs > 0 ? { batch, expires: nanos(waitMs) } : { batch, no_wait: true }
  bus.nats.publish(`$JS.API.CONSUMER.MSG.NEXT.${consumer}`, JSON.stringify(request), { reply: inbox })
  return promise
}
