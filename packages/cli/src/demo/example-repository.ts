import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Beside the published package's code, else at the root of a source checkout. */
const FOLDERS = ['../../examples/', '../../../../examples/'].map((at) => fileURLToPath(new URL(at, import.meta.url)))
const EXAMPLES = FOLDERS.find((folder) => existsSync(folder)) ?? ''
export const EXAMPLE_SPEC = join(EXAMPLES, 'specs', 'link-expiry.md')
const EXAMPLE_SERVICE = join(EXAMPLES, 'url-shortener')

/** A git repository made of a folder; disposing removes it. */
export type TemporaryRepository = AsyncDisposable & { readonly path: string }

/** Copies the bundled example into a temporary folder and commits it, so that the demo works on a true repository. */
export async function exampleRepository(): Promise<TemporaryRepository> {
  const path = await mkdtemp(join(tmpdir(), 'specfleet-demo-'))
  const remove = () => rm(path, { recursive: true, force: true })
  try {
    await cp(EXAMPLE_SERVICE, path, { recursive: true })
    const git = (...args: string[]) =>
      run('git', ['-c', 'user.name=Specfleet demo', '-c', 'user.email=demo@specfleet.invalid', ...args], { cwd: path })
    await git('init', '--quiet', '--initial-branch=main')
    await git('add', '--all')
    await git('commit', '--quiet', '--no-gpg-sign', '--message', 'The example service')
  } catch (error) {
    await remove()
    throw error
  }
  return { path, [Symbol.asyncDispose]: remove }
}
