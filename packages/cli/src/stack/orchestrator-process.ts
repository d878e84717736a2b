import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { fromWire, SpecfleetError, WireError } from '@specfleet/shared'
import * as z from 'zod'

/** What an orchestrator says on standard output once it takes work. */
const Ready = z.looseObject({
  event: z.literal('ready'),
  orchestrator: z.string(),
  upstream: z.string(),
  provider: z.string(),
  isolation: z.string(),
  slots: z.number(),
})
export type Ready = z.infer<typeof Ready>

/** How an orchestrator says why it cannot start. */
const Refusal = WireError.extend({ event: z.literal('refused') })

export type OrchestratorProcess = {
  readonly pid: number
  readonly ready: Ready
  /** Exit code, or the signal's name. */
  readonly exited: Promise<number | NodeJS.Signals>
  kill(signal: NodeJS.Signals): void
}

export type OrchestratorOptions = {
  /** Complete environment of the process. */
  env: Readonly<Record<string, string | undefined>>
  /** Gets each line of its log (JSON). */
  onLog: (line: string) => void
  signal: AbortSignal
}

/**
 * Starts an orchestrator in a session of its own, so that the terminal's Ctrl-C reaches
 * only us and we say how it ends. Settles when it takes work.
 * @throws SpecfleetError with the orchestrator's own words when it refuses to start
 */
export async function startOrchestrator(options: OrchestratorOptions): Promise<OrchestratorProcess> {
  const entry = fileURLToPath(import.meta.resolve('@specfleet/orchestrator/main'))
  const child = spawn(process.execPath, [entry], {
    env: { ...options.env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = exitOf(child)
  const lastLog: string[] = []
  createInterface({ input: child.stderr }).on('line', (line) => {
    lastLog.push(line)
    if (lastLog.length > 20) lastLog.shift()
    options.onLog(line)
  })
  const onAbort = () => void child.kill('SIGTERM')
  options.signal.addEventListener('abort', onAbort, { once: true })
  try {
    const ready = await firstWord(child, exited, lastLog)
    return { pid: child.pid ?? 0, ready, exited, kill: (signal) => void child.kill(signal) }
  } finally {
    options.signal.removeEventListener('abort', onAbort)
  }
}

function exitOf(child: ChildProcess): Promise<number | NodeJS.Signals> {
  return new Promise((resolve, reject) => {
    child.once('error', (cause) => reject(new SpecfleetError('internal', `cannot start an orchestrator`, { cause })))
    child.once('exit', (code, signal) => resolve(signal ?? code ?? 1))
  })
}

async function firstWord(
  child: ChildProcess,
  exited: Promise<number | NodeJS.Signals>,
  lastLog: readonly string[],
): Promise<Ready> {
  const { stdout } = child
  if (stdout === null) throw new SpecfleetError('internal', 'the orchestrator has no standard output')
  const lines = createInterface({ input: stdout })
  const said = new Promise<Ready>((resolve, reject) => {
    lines.on('line', (line) => {
      const word = parseLine(line)
      const ready = Ready.safeParse(word)
      if (ready.success) resolve(ready.data)
      const refusal = Refusal.safeParse(word)
      if (refusal.success) reject(fromWire(refusal.data))
    })
  })
  const died = exited.then((how) => {
    throw new SpecfleetError('internal', `the orchestrator ended with ${how}: ${lastLog.at(-1) ?? 'it said nothing'}`)
  })
  // Its end is also awaited by the owner of the process; here it only loses the race.
  died.catch(() => undefined)
  return await Promise.race([said, died])
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
