import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  cacheFolder,
  findNatsServer,
  launchNats,
  type NatsAuth,
  type NatsProcess,
  natsConfig,
} from '@specfleet/cli/embedded'
import { createOperatorKit, type OperatorKit, preloadOf } from '@specfleet/shared'
import { untilStopped } from './stopped-process.ts'

/** A real server in a temporary home, for one test or one file of tests. */
export type TestNats = AsyncDisposable & {
  readonly url: string
  readonly port: number
  readonly home: string
  readonly pid: number
  /** Kills the server without warning and settles when it is gone. */
  kill9(): Promise<void>
  /** Starts it again on the same port and the same data, killing it first if it still runs. */
  restart(): Promise<void>
  /** Stops its process from being scheduled; clients see silence, not a closed connection. Settles when it is stopped. */
  freeze(): Promise<void>
  thaw(): void
  /** Ends it in order and removes its home; the same as disposal. */
  stop(): Promise<void>
}

/** A server in operator mode, with what is needed to speak to it. */
export type SecuredTestNats = TestNats &
  Pick<OperatorKit, 'orchestratorCreds' | 'clientCreds' | 'systemCreds' | 'operatorSigningSeed'> & {
    readonly kit: OperatorKit
  }

export type TestNatsOptions = {
  /** `false`: anybody may do anything, which is quicker to start and to connect to. */
  auth?: boolean
}

/**
 * Starts a real server on a free port of 127.0.0.1.
 * @throws SpecfleetError `nats.not-found`, `nats.failed`
 */
export function startNats(options: TestNatsOptions & { auth: false }): Promise<TestNats>
export function startNats(options?: TestNatsOptions & { auth?: true }): Promise<SecuredTestNats>
export async function startNats(options: TestNatsOptions = {}): Promise<TestNats | SecuredTestNats> {
  if (options.auth === false) return startServer(() => ({ mode: 'open' }))
  const kit = createOperatorKit(new Date())
  const server = await startServer((home) => ({
    mode: 'operator',
    operatorJwt: kit.operatorJwt,
    systemAccountId: kit.systemAccountId,
    resolverDir: join(home, 'accounts'),
    preload: preloadOf(kit),
  }))
  const { orchestratorCreds, clientCreds, systemCreds, operatorSigningSeed } = kit
  return Object.assign(server, { kit, orchestratorCreds, clientCreds, systemCreds, operatorSigningSeed })
}

async function startServer(authIn: (home: string) => NatsAuth): Promise<TestNats> {
  const signal = new AbortController().signal
  const { path: binary } = await findNatsServer({
    path: process.env.PATH ?? '',
    cacheDir: cacheFolder({ platform: process.platform, home: homedir(), xdgCacheHome: process.env.XDG_CACHE_HOME }),
    report: (line) => process.stderr.write(`${line}\n`),
    signal,
  })
  const home = await mkdtemp(join(tmpdir(), 'specfleet-nats-'))
  const remove = () => rm(home, { recursive: true, force: true })
  const launch = (port: number) => launchIn(home, { binary, port, auth: authIn(home) }, signal)
  let server = await launch(-1).catch(async (error: unknown) => {
    await remove()
    throw error
  })
  const { port } = server
  const end = async (how: 'SIGTERM' | 'SIGKILL') => {
    if (!send(server, how)) return
    send(server, 'SIGCONT')
    await server.exited
  }
  const stop = async () => {
    await end('SIGTERM')
    await remove()
  }
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    home,
    get pid() {
      return server.pid
    },
    kill9: () => end('SIGKILL'),
    restart: async () => {
      await end('SIGKILL')
      server = await launch(port)
    },
    freeze: async () => {
      if (send(server, 'SIGSTOP')) await untilStopped(server.pid)
    },
    thaw: () => void send(server, 'SIGCONT'),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

async function launchIn(
  home: string,
  { binary, port, auth }: { binary: string; port: number; auth: NatsAuth },
  signal: AbortSignal,
): Promise<NatsProcess> {
  const [configFile, portsDir, logFile] = [join(home, 'nats.conf'), join(home, 'ports'), join(home, 'nats.log')]
  const config = natsConfig({
    serverName: 'specfleet-test',
    host: '127.0.0.1',
    port,
    storeDir: home,
    auth,
    portsFileDir: portsDir,
    log: { file: logFile, maxBytes: 10_000_000, maxFiles: 2 },
  })
  await writeFile(configFile, config, { mode: 0o600 })
  return launchNats(
    { binary, configFile, portsDir, logFile, outputFile: join(home, 'output'), detached: false },
    signal,
  )
}

/** Whether the process was there to take the signal. */
function send(server: NatsProcess, signal: NodeJS.Signals): boolean {
  return server.running() && process.kill(server.pid, signal)
}
