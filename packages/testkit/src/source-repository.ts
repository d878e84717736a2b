import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
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
