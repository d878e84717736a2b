/**
 * An orchestrator's handle on the forwarder process: starts it where none runs, holds a lease on it,
 * and starts it again when it dies, which the lease's closing tells.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { constants } from 'node:fs'
import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SpecfleetError } from '@specfleet/shared'
import { type Clock, pause } from '../../clock.ts'
import type { Log } from '../../log.ts'
import { onlyThese } from '../stray-descriptors.ts'
import { type Answer, ControlLine, type Refused, type Status } from './control-line.ts'
import { CONTROL_SOCKET, type ControlRequest, READY_LINE, type Upstream } from './control-protocol.ts'

export type ForwarderOptions = {
  /** Holds the control socket. Private to the fleet; one forwarder serves it. */
  readonly root: string
  /** The folder of sandbox folders, each with a `wire/` of its own. */
  readonly sandboxes: string
  /** `host:port` of each server of the bus, best first. */
  readonly busAddresses: readonly string[]
  readonly clock: Clock
  readonly log: Log
  /** Told what sandboxes were refused on their way to the bus; what was refused of one that is closed, before it is. */
  readonly onRefused?: (refused: Refused) => void
  /** The forwarder's program, where the orchestrator is bundled into one file. */
  readonly program?: string
}

export interface Forwarder extends AsyncDisposable {
  /** Makes the socket in the sandbox's wire folder; idempotent. @throws SpecfleetError `provider.failed` */
  open(name: string): Promise<void>
  /** Ends its connections and removes the socket; idempotent. */
  close(name: string): Promise<void>
  /** As `close`; whether it is certain that nobody was connected by then. */
  cut(name: string): Promise<boolean>
  list(): Promise<readonly Status[]>
  /** The forwarder's process, as it is now. */
  pid(): Promise<number>
  /** Gives the lease back. The forwarder ends by itself once nothing needs it. */
  [Symbol.asyncDispose](): Promise<void>
}

const START_LIMIT_MS = 15_000
/** Beside the control socket, in a folder that is nobody else's to write. */
const COMPILE_CACHE = 'cache'
const RESTART_DELAYS_MS = [0, 50, 200, 1_000, 5_000] as const

/** @throws SpecfleetError `provider.failed` when no forwarder can be started, `config.invalid` for a bad address */
export async function openForwarder(options: ForwarderOptions): Promise<Forwarder> {
  const upstreams = options.busAddresses.map(parseBusAddress)
  await mkdir(options.sandboxes, { recursive: true })
  await mkdir(options.root, { recursive: true, mode: 0o700 })
  const ended = new AbortController()
  let line = await establish(options, upstreams)
  let failures = 0
  let mending: Promise<void> = Promise.resolve()

  const mend = async (): Promise<void> => {
    while (!ended.signal.aborted) {
      const delay = RESTART_DELAYS_MS[Math.min(failures++, RESTART_DELAYS_MS.length - 1)] ?? 0
      await pause(options.clock, delay, ended.signal)
      if (ended.signal.aborted) return
      try {
        line = await establish(options, upstreams)
        options.log.warn('forwarder.restarted', { pid: line.pid })
        follow()
        return
      } catch (error) {
        if (!ended.signal.aborted) options.log.error('forwarder.restart-failed', { error })
      }
    }
  }
  const follow = () => {
    const proven = options.clock.after(10_000, () => {
      failures = 0
    })
    line.onClose(() => {
      proven[Symbol.dispose]()
      if (!ended.signal.aborted) mending = mend()
    })
  }
  /** A request lost with its forwarder is asked of the next one: every request is idempotent. */
  const ask = async (request: ControlRequest): Promise<Answer> => {
    for (let attempt = 0; ; attempt++) {
      const answer = await line.ask(request)
      if (answer?.ok === true) return answer
      if (answer !== undefined)
        throw new SpecfleetError('provider.failed', `the forwarder cannot ${request.op}: ${answer.error}`)
      if (attempt === 3 || ended.signal.aborted) {
        throw new SpecfleetError('provider.failed', 'the forwarder of the bus cannot be reached')
      }
      await mending
    }
  }
  follow()
  return {
    open: async (name) => void (await ask({ op: 'open', name })),
    close: async (name) => void (await ask({ op: 'close', name })),
    // A forwarder of an earlier version does not say.
    cut: async (name) =>
      (await ask({ op: 'close', name })).wires?.every(({ connections }) => connections === 0) === true,
    list: async () => (await ask({ op: 'list' })).wires ?? [],
    pid: async () => (await ask({ op: 'list' })).pid,
    async [Symbol.asyncDispose]() {
      ended.abort(new Error('the forwarder handle is closed'))
      line.end()
      await mending
      line.end()
    },
  }
}

/** @throws SpecfleetError `config.invalid` */
export function parseBusAddress(address: string): Upstream {
  const match = /^(?:\[(?<v6>[0-9A-Fa-f:.]+)\]|(?<name>[^:[\]\s]+)):(?<port>\d{1,5})$/.exec(address)
  const host = match?.groups?.v6 ?? match?.groups?.name
  const port = Number(match?.groups?.port)
  if (host === undefined || port < 1 || port > 65_535) {
    throw new SpecfleetError('config.invalid', `"${address}" is no host:port of a bus`)
  }
  return { host, port }
}

async function establish(options: ForwarderOptions, upstreams: readonly Upstream[]): Promise<ControlLine> {
  for (let attempt = 0; attempt < 3; attempt++) {
    // Whoever answers may be about to end for want of a lease; then the next one is started.
    const line = (await reach(options)) ?? (await startAndReach(options))
    if (line === undefined) continue
    const answer = await line.ask({ op: 'lease', upstreams })
    if (answer?.ok === true) return line.known(answer.pid)
    line.end()
  }
  throw new SpecfleetError('provider.failed', 'the forwarder of the bus does not stay up')
}

async function startAndReach(options: ForwarderOptions): Promise<ControlLine | undefined> {
  await startForwarder(options)
  return reach(options)
}

/** `undefined` when nobody listens. */
async function reach({ root, onRefused }: ForwarderOptions): Promise<ControlLine | undefined> {
  // Through the folder's descriptor, since a socket's path may not be longer than 107 bytes.
  const folder = await open(root, constants.O_RDONLY | constants.O_DIRECTORY)
  return new Promise((resolve) => {
    const socket = connect(`/proc/self/fd/${folder.fd}/${CONTROL_SOCKET}`)
    socket.once('error', () => {
      socket.destroy()
      resolve(closeThen(folder, undefined))
    })
    socket.once('connect', () => resolve(closeThen(folder, new ControlLine(socket, onRefused ?? (() => {})))))
  })
}

async function closeThen<T>(folder: FileHandle, value: T): Promise<T> {
  await folder.close()
  return value
}

/** Settles when a forwarder, this one or one that was there first, can be reached. */
async function startForwarder(options: ForwarderOptions): Promise<void> {
  const beside = import.meta.url.endsWith('.ts') ? './forwarder-main.ts' : './forwarder-main.js'
  const program = options.program ?? fileURLToPath(new URL(beside, import.meta.url))
  const flags = ['--max-old-space-size=32', '--max-semi-space-size=1', '--disable-warning=ExperimentalWarning']
  using descriptors = onlyThese(['ignore', 'pipe', 'pipe'])
  const child = spawn(process.execPath, [...flags, program, options.root, options.sandboxes], {
    cwd: '/',
    detached: true,
    // Its own code, compiled once a host: until it is there no sandbox is.
    env: { NODE_COMPILE_CACHE: join(options.root, COMPILE_CACHE) },
    stdio: descriptors.stdio,
  })
  await untilReady(child, options.clock)
  child.unref()
}

function untilReady(child: ChildProcess, clock: Clock): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = ''
    let complaint = ''
    const settle = (error?: string) => {
      limit[Symbol.dispose]()
      child.stdout?.destroy()
      child.stderr?.destroy()
      if (error === undefined) resolve()
      else reject(new SpecfleetError('provider.failed', `the forwarder of the bus did not start: ${error}`))
    }
    const limit = clock.after(START_LIMIT_MS, () => {
      child.kill('SIGKILL')
      settle('it was not ready in time')
    })
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk
      if (said.includes(READY_LINE)) settle()
    })
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      complaint = (complaint + chunk).slice(0, 2_000)
    })
    child.once('error', (error) => settle(error.message))
    child.once('close', (code) => {
      if (!said.includes(READY_LINE)) settle(complaint.trim() || `exit code ${code}`)
    })
  })
}
