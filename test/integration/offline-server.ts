import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { offlineUpstream } from '../../packages/orchestrator/src/gateway/upstreams/offline/offline-upstream.ts'

/** The offline upstream on a free loopback port, for clients that speak HTTP. */
export async function serveOffline(): Promise<{ baseURL: string } & AsyncDisposable> {
  const upstream = offlineUpstream()

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController()
    response.once('close', () => gone.abort(new Error('the client went away')))
    const { status, headers, body } = await upstream.fetch(
      { method: request.method ?? '', path: request.url ?? '', headers: {}, body: Readable.toWeb(request) },
      gone.signal,
    )
    response.writeHead(status, headers)
    await pipeline(Readable.fromWeb(body), response)
  }

  const server = createServer((request, response) => {
    // Whatever fails here, the client sees as a broken connection.
    answer(request, response).catch((cause: Error) => response.destroy(cause))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    baseURL: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
