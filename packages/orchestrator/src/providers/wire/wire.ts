import { chmodSync, chownSync, closeSync, constants, fstatSync, openSync, renameSync, rmSync, statSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { type AllowanceOptions, openAllowance } from './allowance.ts'
import { type Upstream, WIRE_SOCKET, type WireStatus } from './control-protocol.ts'
import { joinThrough } from './passage.ts'
import { openQuota, type QuotaLimits } from './quota.ts'
import { openRefusals, type Untold } from './refusals.ts'

const MIB = 1024 * 1024

/** What one sandbox may ask of the forwarder. A worker needs one connection; the account allows four. */
export type WireLimits = {
  readonly connections: number
  /** New connections at once, and how many more each second: a redial loop must not flood the bus. */
  readonly burst: number
  readonly perSecond: number
  readonly dialTimeoutMs: number
  /** Of all its connections together. A worker at work sends some twenty messages a second. */
  readonly messages: AllowanceOptions
  readonly bytesUp: AllowanceOptions
  /** Sources come this way. */
  readonly bytesDown: AllowanceOptions
  /** Longest message, in bytes: what its account allows. */
  readonly longest: number
  /** What it may have stored in all: as much of turns as can be read again. */
  readonly stored: QuotaLimits
}
export const WIRE_LIMITS: WireLimits = {
  connections: 4,
  burst: 16,
  perSecond: 4,
  dialTimeoutMs: 5_000,
  messages: { burst: 4_000, perSecond: 500 },
  bytesUp: { burst: 32 * MIB, perSecond: 16 * MIB },
  bytesDown: { burst: 64 * MIB, perSecond: 32 * MIB },
  longest: MIB,
  stored: { log: 64 * MIB, trace: 64 * MIB, turn: 128 * MIB },
}

export type WireOptions = {
  readonly name: string
  /** The folder that is mounted into the sandbox; its owner will own the socket. */
  readonly folder: string
  readonly limits: WireLimits
  /** Where the bus is at the moment of a dial, best first. */
  readonly upstreams: () => readonly Upstream[]
  readonly onIdle: () => void
  /** Told what it was refused, the first at once and the others sparingly. False when nobody can be told now. */
  readonly onRefused: (untold: Untold) => boolean
}

/** A sandbox's end of the bus: a unix socket whose bytes go to the bus and back. */
export interface Wire {
  status(): WireStatus
  /** Whether that path is still the folder it listens in, and not another made in its place. */
  isIn(folder: string): boolean
  /** Tells what it was refused and nobody has been told. */
  tell(): void
  close(): void
}

/** @throws Error of the file system when the folder is gone or the socket cannot be made */
export async function openWire(options: WireOptions): Promise<Wire> {
  const { name, folder, limits } = options
  // Addressed through the folder's descriptor: a socket's path may not be longer than 107 bytes, and
  // closing must unlink it in this folder, wherever that has been moved by then.
  const descriptor = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY)
  const path = `/proc/self/fd/${descriptor}/${WIRE_SOCKET}`
  const part = `${path}.part`
  const sockets = new Set<Socket>()
  const bucket = tokenBucket(limits)
  const refusals = openRefusals(options.onRefused)
  const shared = {
    messages: openAllowance(limits.messages),
    bytesUp: openAllowance(limits.bytesUp),
    bytesDown: openAllowance(limits.bytesDown),
    quota: openQuota(limits.stored),
    longest: limits.longest,
    refusals,
  }
  let refused = 0
  let closed = false

  const refuse = (near: Socket, reason?: string) => {
    refused++
    if (reason !== undefined) refusals.note('wire', reason)
    near.destroy()
  }
  const accept = (near: Socket) => {
    // A peer that vanishes is no news; its close event does the rest.
    near.on('error', () => near.destroy())
    if (sockets.size >= limits.connections) return refuse(near, `more than ${limits.connections} connections`)
    if (!bucket.take(performance.now())) return refuse(near, 'new connections too fast')
    sockets.add(near)
    near.on('close', () => {
      sockets.delete(near)
      if (sockets.size === 0) options.onIdle()
    })
    dial(options.upstreams(), limits.dialTimeoutMs, near, (far) => {
      if (far === undefined) refuse(near)
      else joinThrough(shared, near, far)
    })
  }

  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, accept)
  try {
    rmSync(part, { force: true })
    await listening(server, part)
    const { uid, gid } = fstatSync(descriptor)
    chmodSync(part, 0o600)
    chownSync(part, uid, gid)
    // A worker may be waiting for it: what has the name can be dialled.
    renameSync(part, path)
  } catch (error) {
    server.close()
    closeSync(descriptor)
    throw error
  }
  return {
    status: () => ({ name, connections: sockets.size, refused }),
    isIn: (path) => {
      const here = fstatSync(descriptor)
      const there = statSync(path, { throwIfNoEntry: false })
      return there !== undefined && there.ino === here.ino && there.dev === here.dev
    },
    tell: () => refusals.flush(),
    close: () => {
      // A second time, the number of the descriptor may be another's.
      if (closed) return
      closed = true
      refusals.flush()
      refusals.close()
      rmSync(path, { force: true })
      server.close(() => closeSync(descriptor))
      for (const socket of sockets) socket.destroy()
    },
  }
}

export function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** Tries each address in turn until one answers; calls back once, with nothing when none does or the near end left. */
function dial(
  upstreams: readonly Upstream[],
  timeoutMs: number,
  near: Socket,
  done: (far: Socket | undefined) => void,
): void {
  const [upstream, ...others] = upstreams
  if (upstream === undefined || near.destroyed) {
    done(undefined)
    return
  }
  const far = connect({ ...upstream, allowHalfOpen: true, noDelay: true })
  const leave = () => far.destroy()
  let connected = false
  near.once('close', leave)
  far.setTimeout(timeoutMs, leave)
  far.once('connect', () => {
    connected = true
    far.setTimeout(0)
    near.off('close', leave)
    done(far)
  })
  far.on('error', leave)
  far.once('close', () => {
    near.off('close', leave)
    if (!connected) dial(others, timeoutMs, near, done)
  })
}

/** Pure but for its count; time is in milliseconds. */
export function tokenBucket(limits: Pick<WireLimits, 'burst' | 'perSecond'>): { take(now: number): boolean } {
  let tokens = limits.burst
  let last: number | undefined
  return {
    take: (now) => {
      tokens = Math.min(limits.burst, tokens + ((now - (last ?? now)) / 1000) * limits.perSecond)
      last = now
      if (tokens < 1) return false
      tokens -= 1
      return true
    },
  }
}
