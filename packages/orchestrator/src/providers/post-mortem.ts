import { constants } from 'node:os'
import type { ExitReport } from '@specfleet/shared'

/** What is found of a sandbox after its end. Pure from here on. */
export type Remains = {
  /** Text of `exit`: code and elapsed seconds. Absent when the shim itself was killed. */
  readonly exit: string | undefined
  /** Why the engine ended it. */
  readonly ended: EngineVerdict | undefined
  readonly log: string
  readonly limits: LimitEvidence
  readonly wallClockSeconds: number
}

/** A limit for which the engine itself ends a sandbox. */
const ENGINE_VERDICTS = ['pids', 'output'] as const
export type EngineVerdict = (typeof ENGINE_VERDICTS)[number]

export type LimitEvidence = {
  /** Processes killed by the memory limit. */
  readonly oomKills: number
  /** Processes that could not be made because of the process limit. */
  readonly pidsRefused: number
}

const TAIL_LINES = 200
const LINE_CHARACTERS = 2_000

/** Codes of `timeout`: told to end, and killed. */
const TIMEOUT_CODES = [124, 137]
const KILLED = 128 + constants.signals.SIGKILL

/** What a sandbox's remains say of its end. Pure. */
export function exitReport(remains: Remains): ExitReport {
  const { limits, wallClockSeconds } = remains
  const logTail = tailOf(remains.log)
  const [, code, elapsed] = (/^(\d+) (\d+)$/.exec((remains.exit ?? '').trim()) ?? []).map(Number)
  const told = code !== undefined && elapsed !== undefined
  const killed = !told || code === KILLED
  // Written before the kill, which may have come too late.
  const ended = killed ? remains.ended : undefined
  const signal = told ? signalOf(code) : null
  return {
    code: told && signal === null ? code : null,
    signal,
    // A child alone may fall to the limit while the worker goes on and ends as it likes.
    oom: limits.oomKills > 0 && killed && ended === undefined,
    pids: ended === 'pids' || (limits.pidsRefused > 0 && !(told && killed)),
    output: ended === 'output',
    wallClock: told && TIMEOUT_CODES.includes(code) && elapsed >= wallClockSeconds,
    logTail,
  }
}

/** The one word of `ended`. */
export const verdictIn = (text: string | undefined): EngineVerdict | undefined =>
  ENGINE_VERDICTS.find((verdict) => verdict === text?.trim())

/** Shells and bwrap alike report a death by signal as 128 more. */
function signalOf(code: number): string | null {
  const name = Object.entries(constants.signals).find(([, number]) => number === code - 128)?.[0]
  return name ?? null
}

function tailOf(log: string): string[] {
  const lines = log.split('\n').map((line) => line.slice(0, LINE_CHARACTERS))
  if (lines.at(-1) === '') lines.pop()
  return lines.slice(-TAIL_LINES)
}

/** A counter of a control group's event file: `oom_kill 3` among lines of that form; 0 when it is not there. */
export function counter(text: string, name: string): number {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `))
  const value = Number(line?.slice(name.length + 1))
  return Number.isFinite(value) ? value : 0
}

/** From the event files together: `oom_kill` is the memory group's, `max` of the process group's. */
export const evidenceIn = (memoryEvents: string, pidsEvents: string): LimitEvidence => ({
  oomKills: counter(memoryEvents, 'oom_kill'),
  pidsRefused: counter(pidsEvents, 'max'),
})
