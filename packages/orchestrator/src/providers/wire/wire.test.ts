import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Upstream } from './control-protocol.ts'
import type { Untold } from './refusals.ts'
import { openWire, WIRE_LIMITS, type Wire, type WireLimits } from './wire.ts'

describe('a wire', () => {
  let folder: string
  let bus: Server
  let upstreams: Upstream[]
  const arrived: Socket[] = []
  const opened: { close(): void }[] = []
  let refused: Untold[]

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'specfleet-wire-'))
    bus = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => socket.destroy())
      arrived.push(socket)
      bus.emit('arrival', socket)
    })
    bus.listen(0, '127.0.0.1')
    await once(bus, 'listening')
    refused = []
    upstreams = [{ host: '127.0.0.1', port: (bus.address() as AddressInfo).port }]
  })
  afterEach(() => {
    for (const one of opened.splice(0)) one.close()
    for (const socket of arrived.splice(0)) socket.destroy()
    bus.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const open = async (limits: Partial<WireLimits> = {}): Promise<Wire> => {
    const wire = await openWire({
      name: 'one',
      folder,
      limits: { ...WIRE_LIMITS, ...limits },
      upstreams: () => upstreams,
      onIdle: () => {},
      onRefused: (untold) => refused.push(untold) > 0,
    })
    opened.push(wire)
    return wire
  }
  const dial = (): Socket => {
    const socket = connect({ path: join(folder, 'bus.sock') })
    socket.on('error', () => socket.destroy())
    return socket.resume()
  }
  const through = async (): Promise<[Socket, Socket]> => {
    const near = dial()
    const [far] = await once(bus, 'arrival')
    return [near, far]
  }
  /** The bus closes its end when the other end is closed, as servers do. */
  const closed = async (far: Socket) => {
    far.on('end', () => far.end()).resume()
    await once(far, 'close')
  }

  it('carries bytes both ways, and the end of each way by itself', async () => {
    await open()
    const [near, far] = await through()
    near.end('PUB question 2\r\nok\r\n')
    expect(String((await once(far, 'data'))[0])).toBe('PUB question 2\r\nok\r\n')
    await once(far, 'end')
    far.end('+OK\r\n')
    expect(String((await once(near, 'data'))[0])).toBe('+OK\r\n')
    await once(near, 'close')
  })

  it('stops taking bytes when the bus takes none, and loses none of them', async () => {
    await open()
    const [near, far] = await through()
    far.pause()
    const sent = createHash('sha256')
    const chunk = Buffer.concat([Buffer.from('PUB bulk 262144\r\n'), randomBytes(256 * 1024), Buffer.from('\r\n')])
    let bytes = 0
    const silent = () => new Promise<'stalled'>((resolve) => setTimeout(() => resolve('stalled'), 300))
    for (;;) {
      sent.update(chunk)
      bytes += chunk.length
      if (!near.write(chunk) && (await Promise.race([once(near, 'drain'), silent()])) === 'stalled') break
      expect(bytes).toBeLessThan(64 * 1024 * 1024)
    }
    near.end()
    const received = createHash('sha256')
    far.on('data', (part) => received.update(part)).resume()
    await once(far, 'end')
    expect(received.digest('hex')).toBe(sent.digest('hex'))
  })

  it('lets only so many connections in at a time', async () => {
    const wire = await open({ connections: 2 })
    const first = await through()
    await through()
    const third = dial()
    await once(third, 'close')
    expect(refused).toEqual([{ by: 'wire', count: 1, lastReason: 'more than 2 connections' }])
    expect(wire.status()).toEqual({ name: 'one', connections: 2, refused: 1 })
    first[0].destroy()
    await closed(first[1])
    await vi.waitFor(() => expect(wire.status().connections).toBe(1))
    const [, far] = await through()
    far.destroy()
  })

  it('slows down whoever dials again and again', async () => {
    const wire = await open({ burst: 2, perSecond: 0 })
    for (let n = 0; n < 2; n++) {
      const [near, far] = await through()
      near.destroy()
      await closed(far)
    }
    const refused = dial()
    await once(refused, 'close')
    expect(wire.status().refused).toBe(1)
  })

  it('tries the servers of the bus in turn, and gives up when none is there', async () => {
    const vacant = createServer().listen(0, '127.0.0.1')
    await once(vacant, 'listening')
    const { port } = vacant.address() as AddressInfo
    vacant.close()
    await once(vacant, 'close')
    const [there] = upstreams
    upstreams = [{ host: '127.0.0.1', port }, ...(there === undefined ? [] : [there])]
    const wire = await open()
    await through()
    upstreams = [{ host: '127.0.0.1', port }]
    await once(dial(), 'close')
    expect(wire.status().refused).toBe(1)
  })

  it('breaks on both sides when one breaks', async () => {
    const wire = await open()
    const [near, far] = await through()
    far.resetAndDestroy()
    await once(near, 'close')
    await vi.waitFor(() => expect(wire.status().connections).toBe(0))
  })

  it('takes the place of a dead one, in a folder whose path is too long for a socket', async () => {
    const deep = join(folder, 'x'.repeat(90), 'y'.repeat(90))
    mkdirSync(deep, { recursive: true })
    writeFileSync(join(deep, 'bus.sock'), 'left behind')
    const wire = await openWire({
      name: 'one',
      folder: deep,
      limits: WIRE_LIMITS,
      upstreams: () => upstreams,
      onIdle: () => {},
      onRefused: () => true,
    })
    expect(statSync(join(deep, 'bus.sock')).isSocket()).toBe(true)
    expect(statSync(join(deep, 'bus.sock')).mode & 0o777).toBe(0o600)
    expect(wire.isIn(deep)).toBe(true)
    expect(wire.isIn(folder)).toBe(false)
    wire.close()
  })

  it('removes its socket where it is, though the folder has moved, and no other of that name', async () => {
    const wire = await open()
    const moved = `${folder}-moved`
    renameSync(folder, moved)
    mkdirSync(folder)
    const next = await open()
    wire.close()
    expect(readdirSync(folder)).toEqual(['bus.sock'])
    expect(readdirSync(moved)).toEqual([])
    expect(wire.isIn(folder)).toBe(false)
    expect(next.isIn(folder)).toBe(true)
    rmSync(moved, { recursive: true })
  })

  it('cannot be made where there is no folder', async () => {
    rmSync(folder, { recursive: true })
    await expect(open()).rejects.toThrow('ENOENT')
  })
})
