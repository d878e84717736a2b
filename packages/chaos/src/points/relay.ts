import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { SpecfleetError } from '@specfleet/shared'
import { Connection } from './connection.ts'
import { HeardConversations } from './conversations.ts'
import type { Point, PointName } from './point.ts'
import type { Speaker } from './speaker.ts'
import { type CountedFrom, Stops } from './stops.ts'

export type { Speaker } from './speaker.ts'

/**
 * A stretch of wire between the processes of a fleet and its server. It passes everything on, names what it sees,
 * and stops the one connection that comes to an awaited point. A server that dies takes its connections with it;
 * one that is back is found again by whoever connects next.
 */
export interface Relay extends AsyncDisposable {
  /** What the processes get for the server's address. */
  readonly url: string
  /**
   * How often each point came by so far: for each name the most that was said of any one run (or spec, or
   * orchestrator), and `any` for all together. A message that is sent again counts again.
   */
  readonly seen: ReadonlyMap<PointName, number>
  /**
   * Settles when somebody stands at the point, or behind it when it has gone by already; rejects with the signal's
   * reason. Of several that are awaited each gets somebody of its own. `from`: counted from the beginning (default),
   * or from now on.
   */
  stopAt(point: Point, signal: AbortSignal, from?: CountedFrom): Promise<Stopped>
  /** Begins a count; called, the result tells what came by since then, in the way of `seen`. */
  countFromNow(): () => ReadonlyMap<PointName, number>
}

/** One connection that stands at a point, in both directions; all others go on. */
export type Stopped = {
  readonly point: Point
  readonly by: Speaker
  /** Lets it go on as if nothing had been. */
  release(): void
  /** Closes the connection on both sides; what stands before it is lost. */
  cut(): void
}

export type RelayOptions = {
  /** The server's address, `nats://host:port`. */
  readonly upstream: string
  /** Told the subject of everything that is published without a name. */
  readonly onNameless?: (subject: string) => void
}

/** Opens a relay on a free port of 127.0.0.1. Disposing closes every connection. */
export async function openRelay({ upstream, onNameless }: RelayOptions): Promise<Relay> {
  const { hostname, port } = new URL(upstream)
  const stops = new Stops()
  const shared = { stops, conversations: new HeardConversations(), onNameless }
  const connections = new Set<Connection>()
  const server = createServer((client) => {
    const connection = new Connection(client, connect({ host: hostname, port: Number(port) }), shared)
    connections.add(connection)
    void connection.closed.then(() => connections.delete(connection))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new SpecfleetError('internal', 'the relay has no port')
  return {
    url: `nats://127.0.0.1:${address.port}`,
    get seen() {
      return stops.seen
    },
    stopAt: (point, signal, from) => stops.await(point, signal, from),
    countFromNow() {
      const before = stops.tally()
      return () => stops.seenSince(before)
    },
    async [Symbol.asyncDispose]() {
      stops.close(new Error('the relay is closed'))
      const closed = once(server, 'close')
      server.close()
      for (const connection of connections) connection.destroy()
      await Promise.all([closed, ...[...connections].map((each) => each.closed)])
    },
  }
}
