import { createConnection, type Socket } from 'node:net'
import { type ConnectionOptions, type NatsConnection, NatsConnectionImpl, setTransportFactory } from 'nats'
import { NodeTransport, nodeResolveHost } from 'nats/lib/node_transport.js'

/** The client keeps options that it does not know, and hands them to its transport. */
type SocketOptions = ConnectionOptions & {
  /** A unix socket to dial instead of the server's address. */
  readonly socketPath?: string
}

/** The client's own transport, which can dial unix sockets as well. */
class SocketTransport extends NodeTransport {
  declare options: SocketOptions

  override dial(address: { hostname: string; port: number }): Promise<Socket> {
    const { socketPath } = this.options
    return socketPath === undefined ? super.dial(address) : dialSocket(socketPath)
  }

  /** Asked for a unix socket it would load TLS only to say no. */
  override isEncrypted(): boolean {
    return this.options.socketPath === undefined && super.isEncrypted()
  }
}

function dialSocket(path: string): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const socket = createConnection(path)
  socket.once('error', reject)
  socket.once('connect', () => {
    // Whoever gets it listens for what it needs.
    socket.removeAllListeners()
    resolve(socket)
  })
  return promise
}

/** As `connect` of the client, by a transport of ours. */
export function dial(options: SocketOptions): Promise<NatsConnection> {
  setTransportFactory({ factory: () => new SocketTransport(), dnsResolveFn: nodeResolveHost })
  return NatsConnectionImpl.connect(options)
}
