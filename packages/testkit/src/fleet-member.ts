import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startOrchestrator } from '../../cli/src/stack/orchestrator-process.ts'

/** Shared by all processes that tests start: most of a start is the reading of source. */
export const COMPILE_CACHE = join(tmpdir(), 'specfleet-test-compile-cache')
const END_LIMIT_MS = 20_000
const LOG_TAIL = 40
/** Lines of a log that are kept. */
const HEARD = 20_000

/** One orchestrator, a process. */
export type Member = {
  readonly id: string
  readonly pid: number
  /** Lines of its log so far, oldest first. */
  readonly log: readonly string[]
  /** Exit code, or the signal's name. */
  readonly exited: Promise<number | NodeJS.Signals>
  readonly isGone: boolean
  /** Kills it without warning and settles when it is gone. */
  kill9(): Promise<void>
  /** Asks it to drain and settles with how it ended. */
  term(): Promise<number | NodeJS.Signals>
}

/** Settles when it takes work. @throws SpecfleetError with its own words when it refuses to start */
export async function startMember(env: Readonly<Record<string, string>>): Promise<Member> {
  const log: string[] = []
  const onLog = (line: string) => {
    log.push(line)
    if (log.length > HEARD) log.shift()
  }
  const process_ = await startOrchestrator({ env, onLog, signal: new AbortController().signal }).catch(
    (error: unknown) => {
      if (log.length > 0) console.error(log.slice(-LOG_TAIL).join('\n'))
      throw error
    },
  )
  let gone = false
  const exited = process_.exited.finally(() => {
    gone = true
  })
  const end = async (how: NodeJS.Signals) => {
    if (!gone) process_.kill(how)
    return exited
  }
  return {
    id: process_.ready.orchestrator,
    pid: process_.pid,
    log,
    exited,
    get isGone() {
      return gone
    },
    kill9: async () => void (await end('SIGKILL')),
    term: () => end('SIGTERM'),
  }
}

/** What does not end when it is asked to is killed. */
export async function endAll(members: readonly Member[]): Promise<void> {
  await Promise.all(
    members.map(async ({ term, kill9, exited }) => {
      const timer = setTimeout(() => void kill9(), END_LIMIT_MS)
      await Promise.race([term(), exited])
      clearTimeout(timer)
    }),
  )
}

export function printLogs(members: readonly Member[]): void {
  for (const { id, pid, log } of members)
    console.error(`\n── orchestrator ${id} (process ${pid}), end of its log ──\n${log.slice(-LOG_TAIL).join('\n')}`)
}
