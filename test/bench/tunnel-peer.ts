/**
 * The far end of the tunnel benchmark, as a process of its own: answers the same exchanges over HTTP and
 * as calls on the bus. It is told where the bus is by its parent, and ends with it.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { connectBus, serveCalls, subjects } from '@specfleet/shared'
import * as z from 'zod'

const Start = z.object({ url: z.string(), creds: z.string() })
/** How many bytes to answer with, once the request's body is read. */
const Exchange = z.object({ down: z.coerce.number().int().nonnegative() })
const CHUNK = new Uint8Array(64 * 1024)

async function* bytes(count: number): AsyncGenerator<Uint8Array> {
  for (let left = count; left > 0; left -= CHUNK.length) yield CHUNK.subarray(0, Math.min(left, CHUNK.length))
}

async function drain(body: AsyncIterable<Uint8Array>): Promise<number> {
  let count = 0
  for await (const chunk of body) count += chunk.length
  return count
}

const [first] = await once(process, 'message')
const { url, creds } = Start.parse(first)
await using bus = await connectBus({ url, creds, name: 'bench peer' })
await using _calls = serveCalls(bus, {
  subject: subjects.desk('*', '*', 'model'),
  handler: async ({ meta, body }) => {
    const { down } = Exchange.parse(meta)
    const up = await drain(body)
    return { meta: { up }, body: ReadableStream.from(bytes(down)) }
  },
})
const server = createServer(async (request, response) => {
  const { down } = Exchange.parse(request.headers)
  const up = await drain(request)
  response.writeHead(200, { up })
  Readable.from(bytes(down)).pipe(response)
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
await bus.flush()
const { port } = server.address() as AddressInfo
process.send?.({ port })
await once(process, 'disconnect')
server.closeAllConnections()
server.close()
