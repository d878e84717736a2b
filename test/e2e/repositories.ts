import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export type TemporaryRepository = AsyncDisposable & { readonly path: string }

/** A small service with a test, in JavaScript. */
export const SMALL_SERVICE: Readonly<Record<string, string>> = {
  'package.json': '{ "name": "notes", "version": "1.0.0", "type": "module", "scripts": { "test": "node --test" } }\n',
  'README.md': '# Notes\n\nKeeps notes.\n',
  'src/server.js': "import { createServer } from 'node:http'\nexport const server = createServer()\n",
  'src/notes.js': 'export const notes = new Map()\nexport const add = (id, text) => notes.set(id, text)\n',
  'test/notes.test.js': "import test from 'node:test'\ntest('adds', () => {})\n",
}

/** A git repository with these files in one commit, or in none. Disposing removes it. */
export async function repositoryOf(
  files: Readonly<Record<string, string>>,
  { commit = true }: { commit?: boolean } = {},
): Promise<TemporaryRepository> {
  const path = await mkdtemp(join(tmpdir(), 'specfleet-source-'))
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true })
    await writeFile(join(path, name), text)
  }
  const git = (...args: string[]) =>
    run('git', ['-c', 'user.name=Test', '-c', 'user.email=test@specfleet.invalid', ...args], { cwd: path })
  await git('init', '--quiet', '--initial-branch=main')
  await git('add', '--all')
  if (commit) await git('commit', '--quiet', '--no-gpg-sign', '--allow-empty', '--message', 'The service')
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** The repository behind the protocol of git, at a port of 127.0.0.1 that was free. */
export async function serveRepository(path: string): Promise<AsyncDisposable & { readonly url: string }> {
  const { port } = await freePort()
  const where = ['--listen=127.0.0.1', `--port=${port}`, `--base-path=${path}`]
  const daemon = spawn('git', ['daemon', '--verbose', '--export-all', ...where, path], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const exited = once(daemon, 'exit')
  const ready = new Promise<void>((resolve) => {
    daemon.stderr.setEncoding('utf8').on('data', (text: string) => text.includes('Ready to rumble') && resolve())
  })
  await Promise.race([ready, exited])
  return {
    url: `git://127.0.0.1:${port}/`,
    async [Symbol.asyncDispose]() {
      daemon.kill('SIGTERM')
      await exited
    },
  }
}

async function freePort(): Promise<AddressInfo> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('there is no port')
  return address
}

/** So many source files in folders of fifty, the same every time. */
export function manyFiles(count: number): Record<string, string> {
  const modules = Array.from({ length: count - 2 }, (_, at) => {
    const name = `src/area-${Math.floor(at / 50)}/module-${at}.ts`
    return [name, `export function step${at}(input: number): number {\n  return input * ${at % 97} + ${at}\n}\n`]
  })
  return {
    'package.json': '{ "name": "many", "version": "1.0.0", "type": "module", "main": "src/area-0/module-0.ts" }\n',
    'README.md': '# Many\n',
    ...Object.fromEntries(modules),
  }
}

/** A spec with that many requirements that can be tested. */
export const NOTES_SPEC = `# Shared notes

People share notes with each other.

## Sharing

- WHEN a person shares a note, THE SYSTEM SHALL create a link that is valid for 7 days.
- IF a link has expired, THEN THE SYSTEM SHALL answer with status 410.
- The system must refuse notes that are longer than 10,000 characters.

## Storage

- Notes must survive a restart of the server.
- The system must answer a request for a note within 100 ms.
`
export const ALARM_SPEC = `# Alarms

## Alarms

- WHEN a sensor reports more than 80 degrees, THE SYSTEM SHALL raise an alarm within 2 seconds.
- WHILE an alarm is active, THE SYSTEM SHALL repeat it every 60 seconds.
- IF a sensor is silent for 5 minutes, THEN THE SYSTEM SHALL report it as lost.
`
