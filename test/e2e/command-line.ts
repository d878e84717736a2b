import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
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
  /** Settles when standard output has a line with that text in it. */
  says(text: string): Promise<void>
  interrupt(): void
}

/** Starts `specfleet` without a terminal, with these variables and no other of ours. */
export function startCommand(args: readonly string[], env: Readonly<Record<string, string>>): Command {
  const startedAt = performance.now()
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { PATH: process.env.PATH ?? '', HOME: homedir(), NODE_COMPILE_CACHE: COMPILE_CACHE, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  const listeners = new Set<() => void>()
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk
    for (const listener of listeners) listener()
  })
  const ended = Promise.all([once(child, 'close'), text(child.stderr)]).then(([[code], stderr]) => ({
    code,
    stdout: said,
    stderr,
    ms: performance.now() - startedAt,
  }))
  return {
    ended,
    says: (wanted) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!said.includes(wanted)) return
          listeners.delete(look)
          resolve()
        }
        listeners.add(look)
        look()
        void ended.then(({ code, stderr }) =>
          reject(new Error(`ended with ${code} before saying "${wanted}": ${stderr}`)),
        )
      }),
    interrupt: () => void child.kill('SIGINT'),
  }
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
