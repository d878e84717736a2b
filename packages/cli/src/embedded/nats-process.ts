import { type ChildProcess, spawn } from 'node:child_process'
import { type FSWatcher, readdirSync, readFileSync, watch } from 'node:fs'
import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { SpecfleetError } from '@specfleet/shared'
import * as z from 'zod'
import { readIfThere } from './optional-files.ts'

const Ports = z.object({ nats: z.array(z.string()) })

/** How long a server may take to replay its streams and listen, in milliseconds. */
const START_LIMIT_MS = 60_000

export type NatsExit = { code: number | null; signal: NodeJS.Signals | null }

export type NatsProcess = {
  pid: number
  port: number
  running(): boolean
  exited: Promise<NatsExit>
}

export type LaunchOptions = {
  binary: string
  configFile: string
  /** `ports_file_dir` of the configuration: emptied first, then watched for the server's ports file. */
  portsDir: string
  /** Takes what the server prints before its own log is open. */
  outputFile: string
  /** `log_file` of the configuration, read to explain a failed start. */
  logFile: string
  /** Puts the server into a session of its own, so that the terminal's Ctrl-C does not reach it. */
  detached: boolean
}

/**
 * Starts a server and settles when it accepts clients: the server writes its ports file then.
 * @throws SpecfleetError `nats.failed` with the server's own words when it ends or stalls before that
 */
export async function launchNats(options: LaunchOptions, signal: AbortSignal): Promise<NatsProcess> {
  signal.throwIfAborted()
  await rm(options.portsDir, { recursive: true, force: true })
  await mkdir(options.portsDir, { recursive: true })
  const output = await open(options.outputFile, 'w', 0o600)
  const watcher = watch(options.portsDir)
  try {
    const child = spawn(options.binary, ['--config', options.configFile], {
      detached: options.detached,
      stdio: ['ignore', output.fd, output.fd],
    })
    if (options.detached) child.unref()
    const exited = exitOf(child)
    const port = await portWhenReady(
      child,
      watcher,
      options,
      AbortSignal.any([signal, AbortSignal.timeout(START_LIMIT_MS)]),
    )
    return { pid: child.pid ?? 0, port, running: () => child.exitCode === null && child.signalCode === null, exited }
  } finally {
    watcher.close()
    await output.close()
  }
}

function exitOf(child: ChildProcess): Promise<NatsExit> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }))
    child.once('error', () => resolve({ code: null, signal: null }))
  })
}

function portWhenReady(
  child: ChildProcess,
  watcher: FSWatcher,
  options: LaunchOptions,
  signal: AbortSignal,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const settle = (finish: () => void) => {
      watcher.removeAllListeners()
      child.off('exit', onExit).off('error', onError)
      signal.removeEventListener('abort', onAbort)
      finish()
    }
    const fail = (cause: unknown) => settle(() => void explainFailure(options, child.pid, cause).then(reject, reject))
    const onExit = () => fail(undefined)
    const onError = (error: Error) => fail(error)
    const onAbort = () => {
      child.kill('SIGKILL')
      fail(signal.reason)
    }
    const look = () => {
      const port = readPort(options.portsDir, child.pid)
      if (port !== undefined) settle(() => resolve(port))
    }
    child.once('exit', onExit).once('error', onError)
    watcher.on('change', look).on('error', fail)
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    else look()
  })
}

/** The client port that the server of this pid has told; `undefined` while the file is missing or half written. */
function readPort(portsDir: string, pid: number | undefined): number | undefined {
  const name = readdirSync(portsDir).find((file) => file.endsWith(`_${pid}.ports`))
  if (name === undefined) return undefined
  const [url] = parsePorts(readFileSync(join(portsDir, name), 'utf8'))
  return url === undefined ? undefined : Number(new URL(url).port)
}

function parsePorts(text: string): string[] {
  try {
    return Ports.parse(JSON.parse(text)).nats
  } catch {
    return []
  }
}

async function explainFailure(
  options: LaunchOptions,
  pid: number | undefined,
  cause: unknown,
): Promise<SpecfleetError> {
  const output = (await readIfThere(options.outputFile)) ?? ''
  const log = (await readIfThere(options.logFile)) ?? ''
  const faults = log.split('\n').filter((line) => line.startsWith(`[${pid}]`) && /\[(FTL|ERR)\]/.test(line))
  const words = [output.trim(), faults.at(-1) ?? '', cause instanceof Error ? cause.message : ''].find(
    (text) => text !== '',
  )
  const detail = words ?? 'it ended without a word'
  return new SpecfleetError('nats.failed', `${detail} (log: ${options.logFile})`, { cause })
}
