import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { SpecfleetError } from '@specfleet/shared'

export type GitOptions = {
  /** Enough of the operator's environment to reach what the operator reaches. */
  readonly env: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  /** No file that git writes may grow beyond this. */
  readonly maxFileBytes?: number
}

export type GitResult = { readonly ok: boolean; readonly stdout: string; readonly stderr: string }

/** Runs nothing that a repository brings along, and reads repositories whoever owns them. */
const SETTINGS = [
  ['safe.directory', '*'],
  ['core.hooksPath', '/dev/null'],
  ['core.fsmonitor', 'false'],
  ['protocol.ext.allow', 'never'],
  ['gc.auto', '0'],
].flatMap(([name, value]) => ['-c', `${name}=${value}`])

/** Nobody is there to be asked for a password, and messages are read by us. */
const NEVER_ASK = { GIT_TERMINAL_PROMPT: '0', GIT_ASKPASS: '/bin/false', SSH_ASKPASS: '/bin/false', LC_ALL: 'C' }

const MOST_OUTPUT = 1024 * 1024

/** Runs git to its end; what it prints is cut at 1 MiB. Rejects with the signal's reason. */
export async function git(args: readonly string[], options: GitOptions): Promise<GitResult> {
  const child = start(args, options)
  const [stdout, stderr, ok] = await Promise.all([textOf(child.stdout), textOf(child.stderr), succeeds(child, options)])
  return { ok, stdout: stdout.trim(), stderr: stderr.trim() }
}

/** Runs git for what it prints; `done` rejects when it fails. */
export function gitStream(args: readonly string[], options: GitOptions): { stdout: Readable; done: Promise<void> } {
  const child = start(args, options)
  const done = Promise.all([textOf(child.stderr), succeeds(child, options)]).then(([stderr, ok]) => {
    if (!ok) throw new SpecfleetError('internal', `git ${args[0]} failed: ${lastLine(stderr)}`)
  })
  return { stdout: child.stdout, done }
}

export const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? ''

type Child = ChildProcessByStdio<null, Readable, Readable>

function start(args: readonly string[], { env, maxFileBytes }: GitOptions): Child {
  // POSIX counts this limit in blocks of 512 bytes.
  const limit = maxFileBytes === undefined ? 'unlimited' : String(Math.ceil(maxFileBytes / 512))
  const script = 'ulimit -f "$0" && exec git "$@"'
  return spawn('/bin/sh', ['-c', script, limit, ...SETTINGS, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...env, ...NEVER_ASK },
    // A group of its own, so that its helpers end with it.
    detached: true,
  })
}

function succeeds(child: Child, { signal }: GitOptions): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      killGroup(child)
      reject(signal.reason)
    }
    child.once('error', (cause) => reject(new SpecfleetError('internal', 'git could not be started', { cause })))
    child.once('close', (code) => {
      signal.removeEventListener('abort', stop)
      resolve(code === 0)
    })
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
}

/** It may have ended already, with what it printed still on its way to us. */
function killGroup({ pid }: Child): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

async function textOf(stream: Readable): Promise<string> {
  let text = ''
  for await (const chunk of stream.setEncoding('utf8')) if (text.length < MOST_OUTPUT) text += chunk
  return text
}
