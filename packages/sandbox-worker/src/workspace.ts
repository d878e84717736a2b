import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createWriteStream, existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { isAbsolute, join, normalize, sep } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { type Sha256, type SourceBundle, SpecfleetError } from '@specfleet/shared'
import type { WorkspaceView } from './context/sections.ts'
import { isFull } from './tools/disk-watch.ts'

export type WorkspaceOptions = {
  root: string
  /** The whole environment of git. */
  env: Readonly<Record<string, string>>
  signal: AbortSignal
}

/** Where a blob comes from. */
export type BlobSource = { blob(sha256: Sha256, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> }

const run = promisify(execFile)
const MAX_LISTING_BYTES = 64 * 1024 * 1024

/**
 * Fills the workspace with the source at its commit: a clone that knows no remote, with an identity of
 * its own. Without a source it is an empty folder.
 *
 * @throws SpecfleetError `blob.corrupt`, `blob.unknown`, `sandbox.disk-full`; `sandbox-env.invalid` when the
 * folder is not empty
 */
export async function fillWorkspace(
  source: SourceBundle | null,
  desk: BlobSource,
  options: WorkspaceOptions,
): Promise<WorkspaceView> {
  const { root, signal } = options
  await mkdir(root, { recursive: true })
  if ((await readdir(root)).length > 0)
    throw new SpecfleetError('sandbox-env.invalid', `WORKSPACE ${root} is not empty`)
  if (source === null) return { root, files: 0, entries: [] }
  // Where the clone goes, for that has room for a source; elsewhere it would be in the way of memory.
  const folder = await mkdtemp(join(root, '.specfleet-source-'))
  try {
    const bundle = join(folder, 'source.bundle')
    await fetchVerified(source.sha256, desk, bundle, signal)
    await cloneBundle(bundle, source, options)
  } catch (cause) {
    signal.throwIfAborted()
    if (await isFull(root)) throw new SpecfleetError('sandbox.disk-full', 'the source does not fit', { cause })
    throw cause
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  return viewOf(options)
}

async function fetchVerified(sha256: Sha256, desk: BlobSource, file: string, signal: AbortSignal): Promise<void> {
  const hash = createHash('sha256')
  const tap = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      hash.update(chunk)
      done(null, chunk)
    },
  })
  await pipeline(await desk.blob(sha256, signal), tap, createWriteStream(file, { mode: 0o600 }), { signal })
  const found = hash.digest('hex')
  if (found !== sha256) throw new SpecfleetError('blob.corrupt', `the source ${sha256} came as ${found}`)
}

async function cloneBundle(bundle: string, source: SourceBundle, options: WorkspaceOptions): Promise<void> {
  const git = (...args: string[]) => runGit(args, options)
  const branch = `refs/heads/${source.branch}`
  await git('init', '--quiet')
  await git('bundle', 'unbundle', bundle)
  await git('update-ref', branch, source.commit)
  await git('symbolic-ref', 'HEAD', branch)
  await git('config', 'user.name', 'Specfleet worker')
  await git('config', 'user.email', 'worker@specfleet.invalid')
  await git('reset', '--quiet', '--hard')
}

async function viewOf(options: WorkspaceOptions): Promise<WorkspaceView> {
  const listed = await runGit(['ls-files', '-z'], options)
  const entries = await readdir(options.root, { withFileTypes: true })
  return {
    root: options.root,
    files: listed.split('\0').filter(Boolean).length,
    entries: entries
      .filter(({ name }) => name !== '.git')
      .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
      .sort(),
  }
}

async function runGit(args: string[], { root, env, signal }: WorkspaceOptions): Promise<string> {
  const quiet = { GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null', GIT_TERMINAL_PROMPT: '0' }
  try {
    const { stdout } = await run('git', args, {
      cwd: root,
      env: { ...env, ...quiet },
      maxBuffer: MAX_LISTING_BYTES,
      signal,
    })
    return stdout
  } catch (cause) {
    signal.throwIfAborted()
    const detail = cause instanceof Error ? cause.message.trim() : String(cause)
    throw new SpecfleetError('blob.corrupt', `git ${args[0]} failed: ${detail}`, { cause })
  }
}

/** Whether a path relative to the root is in the workspace. Paths that lead out of it are not. */
export const existsIn =
  (root: string) =>
  (path: string): boolean => {
    const clean = normalize(path)
    if (isAbsolute(clean) || clean === '..' || clean.startsWith(`..${sep}`)) return false
    return existsSync(join(root, clean))
  }
