import { createServer } from 'node:net'
import { expect, it } from 'vitest'
import { type Bench, requestFor } from './bench.ts'

/** What is promised by an engine that isolates. */
export function describeIsolation(bench: () => Bench): void {
  it('reaches the bus by its wire and nothing else of the host', async () => {
    const { bus, spawn } = bench()
    const listener = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => listener.once('listening', resolve))
    const address = listener.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const puppet = await spawn(requestFor())
    const code = `const net = await import('node:net')
      const reach = (host, port) => new Promise((resolve) => {
        const socket = net.connect({ host, port, timeout: 2000 })
        socket.on('connect', () => resolve('reached')).on('timeout', () => resolve('silent')).on('error', (e) => resolve(e.code))
      })
      return [await reach('127.0.0.1', ${port}), await reach('127.0.0.1', ${bus.address.split(':')[1]}), await reach('192.0.2.1', 53)]`
    expect(await puppet.run(code)).toEqual(['ECONNREFUSED', 'ECONNREFUSED', 'ENETUNREACH'])
    listener.close()
  })
}
