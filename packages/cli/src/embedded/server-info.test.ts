import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { readServerInfo } from './server-info.ts'

/** A peer that treats each connection as told, and the port it listens on. */
async function peer(treat: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    treat(socket)
  }).listen(0, '127.0.0.1')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

const GREETING = '{"server_id":"N1","server_name":"one","version":"2.15.1","extra":true}'
const never = new AbortController().signal

test('a greeting is read, however it is cut', async () => {
  const port = await peer((socket) => {
    socket.write(`INFO ${GREETING.slice(0, 20)}`, () => socket.write(`${GREETING.slice(20)} \r\n`))
  })
  expect(await readServerInfo('127.0.0.1', port, never)).toEqual({
    server_id: 'N1',
    server_name: 'one',
    version: '2.15.1',
  })
})

test('what is no NATS server is refused', async () => {
  const other = await peer((socket) => void socket.write('SSH-2.0-OpenSSH\r\n'))
  await expect(readServerInfo('127.0.0.1', other, never)).rejects.toThrow('is not a NATS server')
  const liar = await peer((socket) => void socket.write('INFO {"server_name":1}\r\n'))
  await expect(readServerInfo('127.0.0.1', liar, never)).rejects.toMatchObject({ code: 'bus.unreachable' })
  const hangsUp = await peer((socket) => void socket.end())
  await expect(readServerInfo('127.0.0.1', hangsUp, never)).rejects.toMatchObject({ code: 'bus.unreachable' })
})

test('a silent peer is left when it is told to', async () => {
  const connected = Promise.withResolvers<void>()
  const port = await peer(() => connected.resolve())
  const stop = new AbortController()
  const reading = readServerInfo('127.0.0.1', port, stop.signal)
  await connected.promise
  stop.abort()
  await expect(reading).rejects.toMatchObject({ code: 'bus.unreachable' })
})
