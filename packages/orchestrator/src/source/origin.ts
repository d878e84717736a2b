import { realpath, stat } from 'node:fs/promises'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type SourceRef, SpecfleetError } from '@specfleet/shared'
import { type GitOptions, git, lastLine } from './git.ts'

/** Where a source comes from. */
export type Origin =
  | { readonly kind: 'local'; readonly path: string }
  | { readonly kind: 'remote'; readonly url: string }

/** A commit in a repository on this machine. */
export type LocalCommit = {
  readonly gitDir: string
  /** Where its objects lie. */
  readonly objects: string
  readonly commit: string
  /** The branch it is on, or `main`. */
  readonly branch: string
  /** Its history is cut off. */
  readonly shallow: boolean
}

const URL_LIKE = /^[a-z][a-z0-9+.-]*:\/\//i
/** `user@host:path`, as git and ssh write it. */
const SCP_LIKE = /^[^/\s]+@[^/:\s]+:/

/**
 * @throws SpecfleetError `source.not-found` for a path that depends on where we were started
 *   or is on another host; `source.has-password`.
 */
export function originOf({ git: given }: SourceRef): Origin {
  if (/^file:/i.test(given)) return { kind: 'local', path: pathOfUrl(given) }
  if (hasPassword(given)) throw new SpecfleetError('source.has-password')
  if (URL_LIKE.test(given) || SCP_LIKE.test(given)) return { kind: 'remote', url: given }
  if (!isAbsolute(given)) throw new SpecfleetError('source.not-found', `${given} is not an absolute path`)
  return { kind: 'local', path: given }
}

/** Where HTTP gives a name alone, that is the token. */
const hasPassword = (given: string): boolean =>
  /^[a-z][a-z0-9+.-]*:\/\/[^/@]*:[^/@]*@/i.test(given) || /^https?:\/\/[^/@]+@/i.test(given)

function pathOfUrl(url: string): string {
  try {
    return fileURLToPath(url)
  } catch (cause) {
    throw new SpecfleetError('source.not-found', `${url} names no path on this host`, { cause })
  }
}

/** @throws SpecfleetError `source.not-found`, `source.not-a-repository`, `source.empty`, `source.ref-unknown`. */
export async function findLocalCommit(
  path: string,
  ref: string | undefined,
  options: GitOptions,
): Promise<LocalCommit> {
  const root = await folderAt(path)
  // Only the folder itself counts: one inside a repository of something else is no repository.
  const env = { ...options.env, GIT_CEILING_DIRECTORIES: dirname(root) }
  const ask = (...args: string[]) => git(['-C', root, ...args], { ...options, env })
  const found = await ask('rev-parse', '--is-shallow-repository', '--absolute-git-dir', '--git-path', 'objects')
  if (!found.ok) throw new SpecfleetError('source.not-a-repository', path)
  const [shallow, gitDir = '', objects = ''] = found.stdout.split('\n')
  const commit = await ask('rev-parse', '--verify', '--quiet', '--end-of-options', `${ref ?? 'HEAD'}^{commit}`)
  if (!commit.ok)
    throw ref === undefined
      ? new SpecfleetError('source.empty', path)
      : new SpecfleetError('source.ref-unknown', `${ref} in ${path}`)
  const branch = await branchOf(ref, ask)
  return { gitDir, objects: resolve(root, objects), commit: commit.stdout, branch, shallow: shallow === 'true' }
}

async function branchOf(
  ref: string | undefined,
  ask: (...args: string[]) => Promise<{ ok: boolean; stdout: string }>,
): Promise<string> {
  if (ref === undefined) {
    const head = await ask('symbolic-ref', '--short', '-q', 'HEAD')
    return head.ok ? head.stdout : 'main'
  }
  const isBranch = await ask('show-ref', '--verify', '--quiet', `refs/heads/${ref}`)
  return isBranch.ok ? ref : 'main'
}

async function folderAt(path: string): Promise<string> {
  try {
    const root = await realpath(path)
    if ((await stat(root)).isDirectory()) return root
  } catch (cause) {
    throw new SpecfleetError('source.not-found', path, { cause })
  }
  throw new SpecfleetError('source.not-found', `${path} is not a folder`)
}

/** What a remote has under a ref: the name to fetch, and the branch to call it. */
export type RemoteRef = { readonly name: string; readonly branch: string }

const COMMIT_LIKE = /^[0-9a-f]{40}([0-9a-f]{24})?$/

/** @throws SpecfleetError `source.unreachable`, `source.empty`, `source.ref-unknown`. */
export async function findRemoteRef(url: string, ref: string | undefined, options: GitOptions): Promise<RemoteRef> {
  const listed = await git(['ls-remote', '--symref', '--', url], options)
  if (!listed.ok) throw new SpecfleetError('source.unreachable', `${url}: ${lastLine(listed.stderr)}`)
  const lines = listed.stdout.split('\n').map((line) => line.split('\t'))
  const names = new Set(lines.map(([, name]) => name))
  if (ref === undefined) {
    if (!names.has('HEAD')) throw new SpecfleetError('source.empty', url)
    const head = lines.find(([what, name]) => name === 'HEAD' && what?.startsWith('ref: refs/heads/'))?.[0]
    return { name: 'HEAD', branch: head?.slice('ref: refs/heads/'.length) ?? 'main' }
  }
  if (names.has(`refs/heads/${ref}`)) return { name: `refs/heads/${ref}`, branch: ref }
  if (names.has(`refs/tags/${ref}`)) return { name: `refs/tags/${ref}`, branch: 'main' }
  if (COMMIT_LIKE.test(ref)) return { name: ref, branch: 'main' }
  throw new SpecfleetError('source.ref-unknown', `${ref} at ${url}`)
}

/** A repository that borrows no objects, for what is fetched into it. */
export const repositoryAt = (gitDir: string, commit: string, branch: string): LocalCommit => ({
  gitDir,
  objects: join(gitDir, 'objects'),
  commit,
  branch,
  shallow: false,
})
