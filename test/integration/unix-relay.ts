import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** A unix socket that leads to a server on this host. */
export async function startRelay(path: string, port: number) {
  const sockets = new Set<Socket>()
  let connections = 0
  const server = createServer((near) => {
    connections += 1
    const far = connect(port, '127.0.0.1')
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.pipe(to)
      from.on('error', () => from.destroy())
      from.on('close', () => to.destroy())
    }
  })
  const cut = () => {
    for (const socket of sockets) socket.destroy()
    sockets.clear()
  }
  server.listen(path)
  await once(server, 'listening')
  return {
    /** How many there have been. */
    get connections() {
      return connections
    },
    /** Ends all that there are. */
    cut,
    async [Symbol.asyncDispose]() {
      server.close()
      cut()
      await once(server, 'close')
    },
  }
}
