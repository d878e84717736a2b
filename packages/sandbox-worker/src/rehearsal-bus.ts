import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'

const INFO = {
  server_id: 'rehearsal',
  version: '2.12.0',
  proto: 1,
  headers: true,
  auth_required: true,
  nonce: 'rehearsal',
  max_payload: 1024 * 1024,
}
/** What a stream answers to whom it has stored a message for. */
const STORED = JSON.stringify({ stream: 'rehearsal', seq: 1 })

/** As much of a NATS server as one client needs to connect and to have its facts acknowledged, on a unix socket. */
export async function openRehearsalBus(path: string): Promise<AsyncDisposable> {
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
    socket.on('error', () => socket.destroy())
    serve(socket)
  })
  server.listen(path)
  await once(server, 'listening')
  return {
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

function serve(socket: Socket): void {
  /** Subjects with a wildcard at the end, without it, and the client's number for each. */
  const subscribed = new Map<string, string>()
  let rest = ''
  socket.setEncoding('latin1')
  socket.write(`INFO ${JSON.stringify(INFO)}\r\n`)
  const answer = (reply: string) => {
    const sid = subscribed.get(reply.slice(0, reply.lastIndexOf('.') + 1))
    if (sid !== undefined) socket.write(`MSG ${reply} ${sid} ${STORED.length}\r\n${STORED}\r\n`)
  }
  const take = (words: readonly string[]) => {
    if (words[0] === 'PING') socket.write('PONG\r\n')
    if (words[0] === 'SUB') subscribed.set((words[1] ?? '').replace(/\*$/, ''), words.at(-1) ?? '')
    // With a reply subject and headers a publication has five words.
    if (words[0] === 'HPUB' && words.length === 5) answer(words[2] ?? '')
  }
  socket.on('data', (chunk: string) => {
    rest += chunk
    for (let end = rest.indexOf('\r\n'); end >= 0; end = rest.indexOf('\r\n')) {
      const words = rest.slice(0, end).split(' ')
      const payload = words[0] === 'PUB' || words[0] === 'HPUB' ? Number(words.at(-1)) + 2 : 0
      if (rest.length < end + 2 + payload) return
      rest = rest.slice(end + 2 + payload)
      take(words)
    }
  })
}
