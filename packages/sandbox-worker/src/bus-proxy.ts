import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { SpecfleetError } from '@specfleet/shared/boot'

/** A way to the bus that a NATS client can take. */
export type BusRoute = Disposable & { readonly url: string }

/**
 * Turns `unix:/path` into a TCP port on the loopback interface, which is all that a NATS client can
 * dial; other addresses are passed on as they are. A connection that breaks on either side breaks on
 * both, so the client's own reconnection works through it.
 */
export async function routeToBus(busUrl: string): Promise<BusRoute> {
  if (!busUrl.startsWith('unix:')) return { url: busUrl, [Symbol.dispose]: () => {} }
  const path = busUrl.slice('unix:'.length)
  const open = new Set<Socket>()
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect(path)
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(socket)
      socket.pipe(other)
      // The client sees the closed connection and dials again.
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        open.delete(socket)
        other.destroy()
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new SpecfleetError('internal', 'no port was given')
  return {
    url: `nats://127.0.0.1:${address.port}`,
    [Symbol.dispose]: () => {
      server.close()
      for (const socket of open) socket.destroy()
    },
  }
}
