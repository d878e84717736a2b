import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type EmbeddedNats, findBubblewrap, startEmbeddedNats } from '../embedded/nats.ts'
import type { CliEnv } from '../env.ts'
import type { BusAddress } from '../fleet/connect.ts'
import { type OrchestratorProcess, startOrchestrator } from './orchestrator-process.ts'

export type StackOptions = {
  env: CliEnv
  /** Variables for the orchestrator that go before the inherited ones. */
  overrides: Readonly<Record<string, string>>
  /** Told what is being done, for people. */
  report: (line: string) => void
  onLog: (line: string) => void
  /** Gives up while it is starting. */
  signal: AbortSignal
  /** Kills the orchestrator; what it leaves is found again by the next one. */
  force: AbortSignal
}

/** A bus and an orchestrator on it; what was there already is joined. */
export type Stack = AsyncDisposable & {
  readonly orchestrator: OrchestratorProcess
  readonly bus: BusAddress
  readonly logFile: string
}

/**
 * Brings up what is missing, in order: the server (unless `NATS_URL` names one), the
 * sandbox engine's binary, an orchestrator. Disposing drains the orchestrator and leaves
 * the server, which stops when the last one leaves.
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { env, report, signal, force } = options
  await using stack = new AsyncDisposableStack()
  const nats = env.natsUrl === undefined ? stack.use(await joinNats(options)) : undefined
  const sandbox = await findBubblewrap({
    cacheDir: env.cacheDir,
    path: env.path,
    platform: process.platform,
    report,
    signal,
  })
  const logFile = join(env.home, 'logs', `orchestrator-${new Date().toISOString().replace(/[:.]/g, '-')}.log`)
  await mkdir(join(env.home, 'logs'), { recursive: true })
  const log = createWriteStream(logFile, { flags: 'a', mode: 0o600 })
  stack.defer(() => new Promise<void>((resolve) => log.end(resolve)))
  report('Starting an orchestrator')
  const orchestrator = await startOrchestrator({
    env: {
      ...env.inherited,
      SPECFLEET_HOME: env.home,
      ...(nats === undefined ? {} : natsVariables(nats)),
      ...(sandbox.found === null ? {} : { BWRAP_PATH: sandbox.found.path }),
      ...options.overrides,
    },
    onLog: (line) => {
      // One that refused to start may say more when all is being taken down.
      if (!log.writableEnded) log.write(`${line}\n`)
      options.onLog(line)
    },
    signal,
  })
  const onForce = () => orchestrator.kill('SIGKILL')
  force.addEventListener('abort', onForce, { once: true })
  stack.defer(async () => {
    await endOrchestrator(orchestrator)
    force.removeEventListener('abort', onForce)
  })
  const owned = stack.move()
  return {
    orchestrator,
    bus: nats === undefined ? external(env) : { url: nats.url, credsFile: nats.keys.clientCreds },
    logFile,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

const external = (env: CliEnv): BusAddress => ({ url: env.natsUrl ?? '', credsFile: env.natsCredsFile })

async function joinNats({ env, report, signal }: StackOptions): Promise<EmbeddedNats> {
  report('Starting NATS')
  return await startEmbeddedNats({ home: env.home, cacheDir: env.cacheDir, path: env.path, report, signal })
}

const natsVariables = (nats: EmbeddedNats): Record<string, string> => ({
  NATS_URL: nats.url,
  NATS_CREDS: nats.keys.orchestratorCreds,
  NATS_SYSTEM_CREDS: nats.keys.systemCreds,
  NATS_OPERATOR_SEED_FILE: nats.keys.operatorSigningSeed,
})

/** The first signal drains; it is sent once, whoever asks. */
async function endOrchestrator(orchestrator: OrchestratorProcess): Promise<void> {
  orchestrator.kill('SIGTERM')
  await orchestrator.exited
}
