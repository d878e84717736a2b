import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { ReadableStream as NodeWebStream } from 'node:stream/web'
import { type Blobs, SourceBundle, type SourceRef, SpecfleetError } from '@specfleet/shared'
import { Semaphore } from '../semaphore.ts'
import { type GitOptions, git, gitStream, lastLine } from './git.ts'
import { findLocalCommit, findRemoteRef, type LocalCommit, originOf, repositoryAt } from './origin.ts'

/** Git and its compression take a core each. */
const MOST_FETCHES = 4
/** A check mostly waits for somebody else's answer. */
const MOST_CHECKS = 16

export type SourceOptions = {
  readonly env: Readonly<Record<string, string>>
  readonly maxBytes: number
}

/** Fetches sources on the trusted side; what a sandbox gets is one bundle. */
export interface Sources {
  /** Refuses what certainly cannot be fetched, without fetching it. @throws SpecfleetError `source.*`. */
  check(source: SourceRef, signal: AbortSignal): Promise<void>
  /** Stores a git bundle of one commit with its history. @throws SpecfleetError `source.*`. */
  fetch(source: SourceRef, signal: AbortSignal): Promise<SourceBundle>
}

const CHECK_LIMIT_MS = 10_000
const FETCH_LIMIT_MS = 300_000
const MOST_REMEMBERED = 256

/** Fetches by the host's own git, and remembers which bundle is of which commit. */
export function openSources(collaborators: { blobs: Blobs }, options: SourceOptions): Sources {
  const { blobs } = collaborators
  /** Bundles of commits that were made before; a commit never changes. */
  const made = new Map<string, SourceBundle>()

  const bundle = async (from: LocalCommit, work: GitOptions): Promise<SourceBundle> => {
    const key = `${from.commit} ${from.branch} ${from.shallow}`
    const known = made.get(key)
    if (known !== undefined && (await blobs.touch(known.sha256))) return known
    const bundled = await makeBundle(from, blobs, options.maxBytes, work)
    made.set(key, bundled)
    const [oldest] = made.keys()
    if (made.size > MOST_REMEMBERED && oldest !== undefined) made.delete(oldest)
    return bundled
  }

  const check = async (source: SourceRef, work: GitOptions): Promise<void> => {
    const origin = originOf(source)
    if (origin.kind === 'local') await requireSmall(await findLocalCommit(origin.path, source.ref, work), options, work)
    else await findRemoteRef(origin.url, source.ref, work)
  }

  const fetch = async (source: SourceRef, work: GitOptions): Promise<SourceBundle> => {
    const origin = originOf(source)
    if (origin.kind === 'local') {
      const from = await findLocalCommit(origin.path, source.ref, work)
      await requireSmall(from, options, work)
      return bundle(from, work)
    }
    await using folder = await temporaryFolder()
    return await bundle(await fetchRemote(origin.url, source.ref, folder.path, options, work), work)
  }

  // Apart from each other: whoever submits waits for his check, and a fetch may take minutes.
  const checks = new Semaphore(MOST_CHECKS)
  const fetches = new Semaphore(MOST_FETCHES)
  const limited = <T>(limitMs: number, signal: AbortSignal, work: (work: GitOptions) => Promise<T>): Promise<T> =>
    withinTime(limitMs, signal, (either) => work({ env: options.env, signal: either }))
  return {
    check: (source, signal) => checks.run(() => limited(CHECK_LIMIT_MS, signal, (work) => check(source, work))),
    fetch: (source, signal) => fetches.run(() => limited(FETCH_LIMIT_MS, signal, (work) => fetch(source, work))),
  }
}

async function withinTime<T>(ms: number, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const limit = new AbortController()
  const tooLong = () => limit.abort(new SpecfleetError('source.unreachable', `it took longer than ${ms / 1000} s`))
  const timer = setTimeout(tooLong, ms)
  try {
    return await work(AbortSignal.any([signal, limit.signal]))
  } finally {
    clearTimeout(timer)
  }
}

/** @throws SpecfleetError `source.too-large`. */
async function requireSmall(from: LocalCommit, { maxBytes }: SourceOptions, work: GitOptions): Promise<void> {
  const size = await git(['--git-dir', from.gitDir, 'rev-list', '--disk-usage', '--objects', from.commit], work)
  if (size.ok && Number(size.stdout) > maxBytes) throw tooLarge(`its history has ${size.stdout} bytes`)
}

const tooLarge = (detail: string) => new SpecfleetError('source.too-large', detail)

async function fetchRemote(
  url: string,
  ref: string | undefined,
  folder: string,
  { maxBytes }: SourceOptions,
  work: GitOptions,
): Promise<LocalCommit> {
  const found = await findRemoteRef(url, ref, work)
  const gitDir = join(folder, 'remote.git')
  await succeed(['init', '--quiet', '--bare', gitDir], work)
  // Always as one pack, so that the limit on the size of a file is one on the whole.
  const args = [
    '-c',
    'fetch.unpackLimit=1',
    '--git-dir',
    gitDir,
    'fetch',
    '--quiet',
    '--no-tags',
    '--',
    url,
    found.name,
  ]
  const fetched = await git(args, { ...work, maxFileBytes: maxBytes })
  if (!fetched.ok && (await hasFileOf(join(gitDir, 'objects', 'pack'), maxBytes)))
    throw tooLarge(`${url} passes ${maxBytes} bytes`)
  if (!fetched.ok) throw new SpecfleetError('source.unreachable', `${url}: ${lastLine(fetched.stderr)}`)
  const commit = await succeed(['--git-dir', gitDir, 'rev-parse', '--verify', 'FETCH_HEAD^{commit}'], work)
  return repositoryAt(gitDir, commit, found.branch)
}

/** Whether it is the limit that ended git: a file was written up to it, in blocks of 512 bytes. */
async function hasFileOf(folder: string, maxBytes: number): Promise<boolean> {
  const names = await readdir(folder)
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size))
  return sizes.some((size) => size > maxBytes - 512)
}

/**
 * Bundles out of a repository of our own that borrows the objects, so that nothing is
 * written into the user's.
 */
async function makeBundle(from: LocalCommit, blobs: Blobs, maxBytes: number, work: GitOptions): Promise<SourceBundle> {
  await using folder = await temporaryFolder()
  const gitDir = join(folder.path, 'bundle.git')
  const format = await succeed(['--git-dir', from.gitDir, 'rev-parse', '--show-object-format'], work)
  await succeed(
    ['init', '--quiet', '--bare', `--object-format=${format}`, `--initial-branch=${from.branch}`, gitDir],
    work,
  )
  await writeFile(join(gitDir, 'objects', 'info', 'alternates'), `${from.objects}\n`)
  const commit = from.shallow ? await withoutHistory(gitDir, from, work) : from.commit
  await succeed(['--git-dir', gitDir, 'update-ref', `refs/heads/${from.branch}`, commit], work)
  const { stdout, done } = gitStream(
    ['--git-dir', gitDir, 'bundle', 'create', '--quiet', '-', 'HEAD', `refs/heads/${from.branch}`],
    work,
  )
  try {
    const [stored] = await Promise.all([blobs.put(webStreamOf(stdout), { maxBytes }), done])
    return SourceBundle.parse({ ...stored, commit, branch: from.branch })
  } catch (error) {
    stdout.destroy()
    await Promise.allSettled([done])
    if (error instanceof SpecfleetError && error.code === 'blob.too-large')
      throw tooLarge(`its bundle passes ${maxBytes} bytes`)
    throw error
  }
}

/** A bundle cannot be cut off somewhere: of a shallow clone it holds the one commit, as if it had no parent. */
async function withoutHistory(gitDir: string, from: LocalCommit, work: GitOptions): Promise<string> {
  const ask = (...args: string[]) => succeed(['--git-dir', from.gitDir, ...args], work)
  const described = await ask('show', '--no-patch', '--format=%an%n%ae%n%aI%n%B', from.commit)
  const [name = '', email = '', date = '', ...message] = described.split('\n')
  const author = { GIT_AUTHOR_NAME: name, GIT_AUTHOR_EMAIL: email, GIT_AUTHOR_DATE: date }
  const committer = { GIT_COMMITTER_NAME: name, GIT_COMMITTER_EMAIL: email, GIT_COMMITTER_DATE: date }
  const tree = await ask('rev-parse', `${from.commit}^{tree}`)
  return succeed(['--git-dir', gitDir, 'commit-tree', tree, '-m', message.join('\n')], {
    ...work,
    env: { ...work.env, ...author, ...committer },
  })
}

async function succeed(args: readonly string[], work: GitOptions): Promise<string> {
  const result = await git(args, work)
  if (!result.ok) throw new SpecfleetError('internal', `git ${args.join(' ')}: ${lastLine(result.stderr)}`)
  return result.stdout
}

async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'specfleet-source-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** Node declares the web streams of its `stream` module apart from the global ones; they are the same. */
function webStreamOf(stream: Readable): ReadableStream<Uint8Array> {
  const web: NodeWebStream<Uint8Array> = Readable.toWeb(stream)
  return web
}
