/**
 * The forwarder: a small process that carries the bus into sandboxes.
 *
 *     node forwarder-main.ts <wire root> <folder of sandboxes>
 *
 * 1. It is no orchestrator's child in life: sandboxes keep their bus while orchestrators come and go.
 * 2. There is one of it for a wire root: an abstract socket, which the kernel frees with the process, is the lock.
 * 3. It remembers nothing: after a kill it listens again in every sandbox's folder that it finds.
 * 4. It ends when no orchestrator holds a lease and no sandbox is left, or none has spoken for a while.
 *
 * It prints `ready` once it can be reached, or once another that was there first can be.
 */
import { createHash } from 'node:crypto'
import { chmodSync, closeSync, constants, existsSync, openSync, readdirSync, realpathSync, rmSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import {
  CONTROL_SOCKET,
  type ControlReply,
  type ControlRequest,
  lineReader,
  MAX_REQUEST,
  parseRequest,
  READY_LINE,
  type RefusedEvent,
  type Upstream,
  WIRE_FOLDER,
} from './control-protocol.ts'
import { listening, openWire, WIRE_LIMITS, type Wire } from './wire.ts'

/** How long sandboxes that nobody owns may stay silent before the forwarder ends. */
const ABANDONED_MS = 10 * 60_000
/** A starter that has not asked for a lease by then has died. */
const UNLEASED_MS = 10_000
/** A holder of a lease that has so much unread, in bytes, hears nothing for now. */
const MOST_UNHEARD = 64 * 1024
/** How often a rival may die just as its lock is tried. */
const LOCK_ATTEMPTS = 50

function forwarder(sandboxes: string) {
  /** Held as promises, so that two openers of one name meet. */
  const opening = new Map<string, Promise<Wire>>()
  const wires = new Map<string, Wire>()
  const leases = new Set<Socket>()
  let upstreams: readonly Upstream[] = []
  let abandoned: NodeJS.Timeout | undefined
  /** Who has a wire closed hears of it last, before the answer. */
  let closing: Socket | undefined

  const connections = () => [...wires.values()].reduce((sum, wire) => sum + wire.status().connections, 0)
  const considerEnding = () => {
    clearTimeout(abandoned)
    if (leases.size > 0) return
    if (wires.size === 0) process.exit(0)
    if (connections() === 0) abandoned = setTimeout(() => process.exit(0), ABANDONED_MS)
  }
  /** To one is enough: any orchestrator may write it down. */
  const tell = (event: RefusedEvent, first?: Socket): boolean => {
    const holders = first === undefined ? leases : new Set([first, ...leases])
    for (const holder of holders) {
      if (holder.destroyed || holder.writableLength > MOST_UNHEARD) continue
      holder.write(`${JSON.stringify(event)}\n`)
      return true
    }
    return false
  }
  const close = (name: string) => {
    wires.get(name)?.close()
    wires.delete(name)
  }
  const open = async (name: string) => {
    const folder = join(sandboxes, name, WIRE_FOLDER)
    if (wires.get(name)?.isIn(folder) === true) return
    const first = opening.get(name)
    if (first !== undefined) return void (await first)
    close(name)
    const wire = openWire({
      name,
      folder,
      limits: WIRE_LIMITS,
      upstreams: () => upstreams,
      onIdle: considerEnding,
      onRefused: (untold) => tell({ event: 'refused', name, ...untold }, closing),
    })
    opening.set(name, wire)
    try {
      wires.set(name, await wire)
    } finally {
      opening.delete(name)
    }
  }

  return {
    considerEnding,
    async openAll(): Promise<void> {
      for (const name of readdirSync(sandboxes)) {
        if (name.startsWith('.') || !existsSync(join(sandboxes, name, WIRE_FOLDER))) continue
        // A folder may vanish under us; the others must not pay for it.
        await open(name).catch((error: unknown) => console.error(`${name}: ${String(error)}`))
      }
    },
    async answer(request: ControlRequest, from: Socket): Promise<ControlReply> {
      switch (request.op) {
        case 'lease':
          upstreams = request.upstreams
          leases.add(from)
          clearTimeout(abandoned)
          for (const wire of wires.values()) wire.tell()
          return { ok: true, pid: process.pid }
        case 'open':
          await open(request.name)
          return { ok: true, pid: process.pid }
        case 'close': {
          const was = wires.get(request.name)?.status()
          closing = from
          close(request.name)
          closing = undefined
          considerEnding()
          return { ok: true, pid: process.pid, wires: was === undefined ? [] : [was] }
        }
        case 'list':
          return { ok: true, pid: process.pid, wires: [...wires.values()].map((wire) => wire.status()) }
      }
    },
    release(lease: Socket): void {
      leases.delete(lease)
      considerEnding()
    },
  }
}

/** Serves one orchestrator: requests are answered in the order in which they came. */
function serve(control: Socket, { answer, release }: ReturnType<typeof forwarder>): void {
  let turn = Promise.resolve()
  const reply = (message: ControlReply) => control.write(`${JSON.stringify(message)}\n`)
  const take = async (line: string) => {
    const request = parseRequest(line)
    if (request === undefined) return reply({ ok: false, error: 'no such request' })
    try {
      return reply(await answer(request, control))
    } catch (error) {
      return reply({ ok: false, error: error instanceof Error ? error.message : String(error) })
    }
  }
  const read = lineReader(
    MAX_REQUEST,
    (line) => {
      turn = turn.then(async () => void (await take(line)))
    },
    () => control.destroy(),
  )
  control.setEncoding('utf8')
  control.on('data', read)
  control.on('error', () => control.destroy())
  control.on('close', () => release(control))
}

/** Becomes the one forwarder of the root, or waits until the one that is it can be reached. */
async function takeLock(name: string, onRival: (rival: Socket) => void): Promise<Server | undefined> {
  for (let attempt = 0; attempt < LOCK_ATTEMPTS; attempt++) {
    const lock = createServer(onRival)
    try {
      await listening(lock, name)
      return lock
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error
    }
    if (await heldByAnother(name)) return undefined
  }
  throw new Error('the lock of the forwarder is held by a process that is none')
}

/** The holder answers a rival once it is ready; if it dies first, the lock is free again. */
function heldByAnother(name: string): Promise<boolean> {
  return new Promise((resolve) => {
    const holder = connect(name)
    let ready = false
    holder.on('data', () => {
      ready = true
    })
    holder.on('error', () => holder.destroy())
    holder.on('close', () => resolve(ready))
  })
}

async function main(wireRoot: string, sandboxes: string): Promise<void> {
  process.umask(0o077)
  const root = realpathSync(wireRoot)
  const digest = createHash('sha256').update(root).digest('hex').slice(0, 32)
  let ready = false
  const rivals = new Set<Socket>()
  const lock = await takeLock(`\0specfleet-wire-${process.getuid?.()}-${digest}`, (rival) => {
    rival.on('error', () => rival.destroy())
    rival.on('close', () => rivals.delete(rival))
    if (ready) rival.end(READY_LINE)
    else rivals.add(rival)
  })
  if (lock === undefined) return announce()

  const service = forwarder(sandboxes)
  await service.openAll()
  const folder = openSync(root, constants.O_RDONLY | constants.O_DIRECTORY)
  const path = `/proc/self/fd/${folder}/${CONTROL_SOCKET}`
  rmSync(path, { force: true })
  await listening(
    createServer((control) => serve(control, service)),
    path,
  )
  chmodSync(path, 0o600)
  process.on('exit', () => {
    rmSync(path, { force: true })
    closeSync(folder)
  })
  for (const how of ['SIGTERM', 'SIGINT'] as const) process.on(how, () => process.exit(0))
  ready = true
  for (const rival of rivals) rival.end(READY_LINE)
  announce()
  // It would be written at the end, and a forwarder ends seldom, or by a kill.
  flushCompileCache()
  // Whoever started it takes a lease at once, unless it died meanwhile.
  setTimeout(service.considerEnding, UNLEASED_MS)
}

const announce = () => console.log(READY_LINE)

const [wireRoot, sandboxes] = process.argv.slice(2)
if (wireRoot === undefined || sandboxes === undefined) {
  console.error('usage: forwarder-main <wire root> <folder of sandboxes>')
  process.exitCode = 78
} else {
  await main(wireRoot, sandboxes)
}
