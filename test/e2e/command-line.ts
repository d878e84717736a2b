import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { COMPILE_CACHE } from '../../packages/testkit/src/fleet-member.ts'
import { expectNothingLeft, removeRemains } from '../../packages/testkit/src/leaks.ts'

const MAIN = fileURLToPath(new URL('../../packages/cli/src/main.ts', import.meta.url))

export type Ended = {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  readonly ms: number
}

export type Command = {
  readonly ended: Promise<Ended>
  /** Settles when standard output has that text in it. */
  says(text: string): Promise<void>
  /** The same of standard error. */
  logs(text: string): Promise<void>
  interrupt(): void
}

/** Starts `specfleet` without a terminal, with these variables and no other of ours. */
export function startCommand(args: readonly string[], env: Readonly<Record<string, string>>): Command {
  const startedAt = performance.now()
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { PATH: process.env.PATH ?? '', HOME: homedir(), NODE_COMPILE_CACHE: COMPILE_CACHE, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [out, err] = [heard(child.stdout), heard(child.stderr)]
  const ended = once(child, 'close').then(([code]) => ({
    code,
    stdout: out.text(),
    stderr: err.text(),
    ms: performance.now() - startedAt,
  }))
  return {
    ended,
    says: (wanted) => Promise.race([out.has(wanted), endsWithout(wanted, ended)]),
    logs: (wanted) => Promise.race([err.has(wanted), endsWithout(wanted, ended)]),
    interrupt: () => void child.kill('SIGINT'),
  }
}

/** What a stream has said so far. */
function heard(stream: Readable) {
  let text = ''
  const listeners = new Set<() => void>()
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
    for (const listener of listeners) listener()
  })
  const has = (wanted: string) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (!text.includes(wanted)) return
        listeners.delete(look)
        resolve()
      }
      listeners.add(look)
      look()
    })
  return { text: () => text, has }
}

async function endsWithout(wanted: string, ended: Promise<Ended>): Promise<never> {
  const { code, stderr } = await ended
  throw new Error(`it ended with ${code} before saying "${wanted}": ${stderr}`)
}

export const runCommand = (args: readonly string[], env: Readonly<Record<string, string>>): Promise<Ended> =>
  startCommand(args, env).ended

export type Home = AsyncDisposable & { readonly path: string; readonly env: Readonly<Record<string, string>> }

/** An empty `SPECFLEET_HOME`. Disposing proves that nothing that knows it is left on the host. */
export async function emptyHome(): Promise<Home> {
  const path = await mkdtemp(join(tmpdir(), 'specfleet-home-'))
  const traces = { home: path, runIds: [] }
  return {
    path,
    env: { SPECFLEET_HOME: path },
    async [Symbol.asyncDispose]() {
      try {
        await expectNothingLeft(traces)
      } finally {
        await removeRemains(traces)
        await rm(path, { recursive: true, force: true })
      }
    },
  }
}
