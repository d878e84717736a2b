import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { SpecfleetError, toSpecfleetError } from '@specfleet/shared'
import { freePort, isPortFree } from './free-port.ts'
import { type BinarySearch, findNatsServer } from './nats-binary.ts'
import { type Address, type NatsHome, natsHome, prepareHome, readAddress, readPid } from './nats-home.ts'
import { launchNats, type NatsExit } from './nats-process.ts'
import { leave, type Registration, register } from './nats-users.ts'
import { type OperatorKeyFiles, operatorKeyFiles } from './operator-keys.ts'
import { runsWithArgument } from './process-identity.ts'
import { readServerInfo } from './server-info.ts'
import { withLock } from './succession-lock.ts'

/** All in milliseconds. */
const LIMITS = {
  /** For the greeting of a server that runs. */
  answer: 15_000,
  /** For a server to end after a signal. */
  end: 10_000,
  /** For leaving, with the wait for the lock. */
  leave: 60_000,
  /** Between two looks at a process that is no child of ours. */
  check: 20,
  /** A server that lived this long had started well. */
  proven: 10_000,
  /** Between two attempts to bring a server back. */
  longestPause: 5_000,
} as const

/** Two processes can draw the same free port; more than a few times in a row they do not. */
const START_ATTEMPTS = 3

export type EmbeddedNatsOptions = BinarySearch & {
  /** Folder of the fleet's data; the server uses `nats/` in it. */
  home: string
  now?: () => Date
}

/** One process's share in the server of a home. */
export type EmbeddedNats = AsyncDisposable & {
  /** Where clients connect. Changes only if another program took the port while the server was down. */
  readonly url: string
  readonly port: number
  readonly pid: number
  readonly keys: OperatorKeyFiles
  /** Starts the server again if it is gone. Any user may call it, at any time and at the same time. */
  ensureRunning(): Promise<void>
  /** Leaves; the last user to leave stops the server. Idempotent, and the same as disposal. */
  stop(): Promise<void>
}

/**
 * Joins the server of a home, starting it when it does not run. The server lives in a session of its own and is
 * shared by every process that joined.
 *
 * 1. Start, join and leave happen under one lock of the home, so exactly one process starts the server, and
 *    none joins one that is being stopped.
 * 2. A process is taken for our server only if it runs with our configuration and greets with our name.
 * 3. The port outlives the server: clients reconnect to the address they know.
 *
 * @throws SpecfleetError `nats.not-found`, `nats.failed`
 */
export async function startEmbeddedNats(options: EmbeddedNatsOptions): Promise<EmbeddedNats> {
  const site: Site = { ...options, files: natsHome(options.home), now: options.now ?? (() => new Date()) }
  const life = new AbortController()
  const joined = await withLock(site.files.lock, site.signal, async () => ({
    server: await runningOrStarted(site, site.signal),
    registration: await register(site.files.users),
  }))
  let server = joined.server
  const ensure = async (signal: AbortSignal): Promise<RunningNats> => {
    server = await withLock(site.files.lock, signal, () => runningOrStarted(site, signal))
    return server
  }
  // owned by `life`: ends when this process leaves the server, and reports what goes wrong itself
  void keepAlive(site, server, ensure, life.signal)

  let leaving: Promise<void> | undefined
  const stop = (): Promise<void> => {
    life.abort(new Error('this process has left the NATS server'))
    leaving ??= leaveServer(site, joined.registration)
    return leaving
  }
  return {
    get url() {
      return `nats://127.0.0.1:${server.port}`
    },
    get port() {
      return server.port
    },
    get pid() {
      return server.pid
    },
    keys: operatorKeyFiles(site.files.keys),
    ensureRunning: async () => {
      const found = await ensure(life.signal)
      void keepAlive(site, found, ensure, life.signal)
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/**
 * Where the server of a home is reached, and with which keys, without becoming one of its users; `undefined`
 * when none runs.
 */
export async function embeddedAddress(home: string): Promise<{ url: string; keys: OperatorKeyFiles } | undefined> {
  const files = natsHome(home)
  const [pid, address] = [await readPid(files), await readAddress(files)]
  if (pid === undefined || address === undefined || !runsWithArgument(pid, files.configFile)) return undefined
  return { url: `nats://127.0.0.1:${address.port}`, keys: operatorKeyFiles(files.keys) }
}

/** A home with what is needed to act on it. */
type Site = Omit<EmbeddedNatsOptions, 'now'> & { files: NatsHome; now: () => Date }

/** `exited` only where this process started the server: no other is told of its end. */
type RunningNats = { pid: number; port: number; exited?: Promise<NatsExit> }

async function runningOrStarted(site: Site, signal: AbortSignal): Promise<RunningNats> {
  return (await findRunning(site, signal)) ?? (await start(site, signal))
}

async function findRunning({ files }: Site, signal: AbortSignal): Promise<RunningNats | undefined> {
  const pid = await readPid(files)
  const address = await readAddress(files)
  if (pid === undefined || address === undefined) return undefined
  const limit = AbortSignal.any([signal, AbortSignal.timeout(LIMITS.answer)])
  while (runsWithArgument(pid, files.configFile)) {
    if (await greetsAs(address, limit)) return { pid, port: address.port }
    signal.throwIfAborted()
    if (limit.aborted)
      throw new SpecfleetError('nats.failed', `process ${pid} runs but does not answer (log: ${files.logFile})`)
    await sleep(LIMITS.check)
  }
  return undefined
}

/** Whether our server greets there; one whose starter died in the middle may not listen yet. */
async function greetsAs({ serverName, port }: Address, signal: AbortSignal): Promise<boolean> {
  try {
    return (await readServerInfo('127.0.0.1', port, signal)).server_name === serverName
  } catch (error) {
    if (error instanceof SpecfleetError && error.code === 'bus.unreachable') return false
    throw error
  }
}

async function start(site: Site, signal: AbortSignal): Promise<RunningNats> {
  const { files } = site
  const { path: binary } = await findNatsServer({ ...site, signal })
  const known = await readAddress(files)
  const serverName = known?.serverName ?? `specfleet-${randomUUID()}`
  for (let attempt = 1; ; attempt += 1) {
    const keepsPort = attempt === 1 && known !== undefined && (await isPortFree(known.port))
    const port = keepsPort ? known.port : await freePort()
    if (known !== undefined && !keepsPort) site.report(`port ${known.port} is taken: NATS moves to ${port}`)
    await prepareHome(files, { serverName, port }, site.now())
    try {
      return await launchNats({ ...files, binary, detached: true }, signal)
    } catch (error) {
      if (attempt === START_ATTEMPTS || signal.aborted || (await isPortFree(port))) throw error
    }
  }
}

/** Brings a server of ours back whenever it ends, until somebody else did or this process leaves. */
async function keepAlive(
  site: Site,
  first: RunningNats,
  ensure: (signal: AbortSignal) => Promise<RunningNats>,
  signal: AbortSignal,
): Promise<void> {
  let server = first
  let failures = 0
  while (server.exited !== undefined) {
    const startedAt = site.now().getTime()
    await server.exited
    if (signal.aborted) return
    failures = site.now().getTime() - startedAt > LIMITS.proven ? 0 : failures + 1
    site.report('the NATS server ended; starting it again')
    try {
      await sleep(recoveryPause(failures), undefined, { signal })
      server = await ensure(signal)
    } catch (error) {
      if (signal.aborted) return
      site.report(`the NATS server did not come back: ${toSpecfleetError(error).message}`)
    }
  }
}

/** None for a server that had proved itself, then doubling. */
function recoveryPause(failures: number): number {
  return failures === 0 ? 0 : Math.min(100 * 2 ** failures, LIMITS.longestPause)
}

async function leaveServer({ files }: Site, registration: Registration): Promise<void> {
  await withLock(files.lock, AbortSignal.timeout(LIMITS.leave), async () => {
    if ((await leave(files.users, registration)) > 0) return
    const pid = await readPid(files)
    if (pid === undefined) return
    if (!(await endProcess(pid, files, 'SIGTERM'))) await endProcess(pid, files, 'SIGKILL')
  })
}

/** Whether the process is gone within the limit. It may be no child of ours, so no event tells of its end. */
async function endProcess(pid: number, { configFile }: NatsHome, how: 'SIGTERM' | 'SIGKILL'): Promise<boolean> {
  const limit = AbortSignal.timeout(LIMITS.end)
  const runs = () => runsWithArgument(pid, configFile)
  if (runs()) {
    process.kill(pid, how)
    process.kill(pid, 'SIGCONT')
  }
  while (runs() && !limit.aborted) await sleep(LIMITS.check)
  return !runs()
}
