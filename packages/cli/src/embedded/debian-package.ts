import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type AptSource, distributionMirrors, parseAptSources, parseOsRelease } from './apt-sources.ts'
import { executablesOnPath } from './executable.ts'
import { isErrno, listIfThere, readIfThere } from './optional-files.ts'
import { identityOf, isAlive } from './process-identity.ts'

const run = promisify(execFile)

/** Keys of the Debian archive, as Debian installs them. Nothing is taken that they did not sign. */
const DEBIAN_KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'

/** How long index and package may take together, in milliseconds. */
const FETCH_LIMIT_MS = 180_000

export type DebianPackageRequest = {
  name: string
  /** `own`: the suite the machine runs; otherwise a suite's name. */
  suite: string
  /** Where temporary folders may be made. */
  cacheDir: string
  /** PATH-like list of folders in which apt and dpkg are looked for. */
  path: string
  signal: AbortSignal
}

/** An unpacked package in a temporary folder, or one clause that says why there is none. */
export type DebianPackage = ({ found: true; root: string } | { found: false; reason: string }) & AsyncDisposable

/**
 * Fetches a package of the machine's own Debian mirror, verifies it with the installed Debian keyring and
 * unpacks it into a temporary folder that disposal removes. Needs no root; the system, its package lists and
 * its package database stay as they are.
 */
export async function fetchDebianPackage(request: DebianPackageRequest): Promise<DebianPackage> {
  const tools = await findTools(request.path)
  if (typeof tools === 'string') return missing(tools)
  const debian = await ownDebian()
  if (typeof debian === 'string') return missing(debian)
  const { codename, mirror } = debian
  await mkdir(request.cacheDir, { recursive: true, mode: 0o700 })
  await sweepAbandoned(request.cacheDir)
  const owner = `${process.pid}-${identityOf(process.pid)?.startTime ?? ''}`
  const folder = await mkdtemp(join(request.cacheDir, `fetch-${owner}-`))
  const dispose = () => rm(folder, { recursive: true, force: true })
  try {
    const suite = request.suite === 'own' ? codename : request.suite
    const root = await download({ ...request, suite, mirror, folder, tools })
    return { found: true, root, [Symbol.asyncDispose]: dispose }
  } catch (error) {
    await dispose()
    request.signal.throwIfAborted()
    return missing(`apt could not fetch ${request.name}: ${lastWords(error)}`)
  }
}

export type OwnDebian = {
  /** The suite that the machine runs. */
  codename: string
  /** The URI of a mirror that the machine is set up to use. */
  mirror: string
}

/** The Debian of this machine, or one clause that says why there is none to fetch from. */
export async function ownDebian(): Promise<OwnDebian | string> {
  const { id, codename } = parseOsRelease((await readIfThere('/etc/os-release')) ?? '')
  if (id !== 'debian') return 'this machine does not run Debian'
  const [mirror] = distributionMirrors(await configuredSources('/etc/apt'), codename)
  return mirror === undefined ? 'no Debian mirror is configured in /etc/apt' : { codename, mirror }
}

/** Removes what processes left that were killed in the middle of a fetch. */
async function sweepAbandoned(cacheDir: string): Promise<void> {
  const abandoned = (await listIfThere(cacheDir)).filter((name) => {
    const [, pid, startTime = ''] = /^fetch-(\d+)-(\d*)-/.exec(name) ?? []
    return pid !== undefined && !isAlive({ pid: Number(pid), startTime })
  })
  await Promise.all(abandoned.map((name) => rm(join(cacheDir, name), { recursive: true, force: true })))
}

type Tools = { aptGet: string; dpkg: string; dpkgDeb: string }

async function findTools(path: string): Promise<Tools | string> {
  const first = async (name: string) => (await executablesOnPath(name, path))[0]
  const [aptGet, dpkg, dpkgDeb] = await Promise.all(['apt-get', 'dpkg', 'dpkg-deb'].map(first))
  if (aptGet === undefined || dpkg === undefined || dpkgDeb === undefined) return 'this machine has no apt and dpkg'
  try {
    await access(DEBIAN_KEYRING, constants.R_OK)
  } catch {
    return `${DEBIAN_KEYRING} is not installed`
  }
  return { aptGet, dpkg, dpkgDeb }
}

async function configuredSources(etc: string): Promise<AptSource[]> {
  const parts = join(etc, 'sources.list.d')
  const names = (await listIfThere(parts)).filter((name) => /\.(list|sources)$/.test(name))
  const files = [join(etc, 'sources.list'), ...names.sort().map((name) => join(parts, name))]
  const texts = await Promise.all(files.map(sourceText))
  return files.flatMap((file, index) => parseAptSources(file, texts[index] ?? ''))
}

/** Entries with a password in them may be readable by root only; those are not for us. */
async function sourceText(file: string): Promise<string> {
  try {
    return (await readIfThere(file)) ?? ''
  } catch (error) {
    if (isErrno(error, 'EACCES')) return ''
    throw error
  }
}

type Download = DebianPackageRequest & { mirror: string; folder: string; tools: Tools }

async function download({ name, suite, mirror, folder, tools, signal }: Download): Promise<string> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(FETCH_LIMIT_MS)])
  const options = { cwd: folder, signal: limit }
  const architecture = (await run(tools.dpkg, ['--print-architecture'], options)).stdout.trim()
  const source = `deb [arch=${architecture} signed-by=${DEBIAN_KEYRING} target=Packages] ${mirror} ${suite} main\n`
  await writeFile(join(folder, 'sources.list'), source)
  await writeFile(join(folder, 'apt.conf'), aptConfiguration(folder))
  await mkdir(join(folder, 'lists', 'partial'), { recursive: true })
  await mkdir(join(folder, 'cache', 'archives', 'partial'), { recursive: true })
  const apt = ['--config-file', join(folder, 'apt.conf'), '--quiet']
  await run(tools.aptGet, [...apt, 'update'], options)
  await run(tools.aptGet, [...apt, 'download', name], options)
  const archive = (await readdir(folder)).find((file) => file.endsWith('.deb'))
  if (archive === undefined) throw new Error('nothing was downloaded')
  const root = join(folder, 'root')
  await run(tools.dpkgDeb, ['--extract', archive, root], options)
  return root
}

/**
 * Read after the machine's own configuration, so that its proxies and certificates hold. Hooks are cleared:
 * they would act on the system.
 */
function aptConfiguration(folder: string): string {
  return [
    '#clear APT::Update::Pre-Invoke;',
    '#clear APT::Update::Post-Invoke;',
    '#clear APT::Update::Post-Invoke-Success;',
    '#clear DPkg::Post-Invoke;',
    `Dir::Etc::SourceList "${join(folder, 'sources.list')}";`,
    'Dir::Etc::SourceParts "/dev/null";',
    `Dir::State::Lists "${join(folder, 'lists')}";`,
    `Dir::Cache "${join(folder, 'cache')}";`,
    'Dir::Cache::pkgcache "";',
    'Dir::Cache::srcpkgcache "";',
    // the unprivileged user that a root apt downloads as cannot write below a private folder
    'APT::Sandbox::User "root";',
    'APT::Update::Error-Mode "any";',
    'Acquire::Languages "none";',
    'Acquire::Retries "2";',
    'Acquire::http::Timeout "20";',
    'Acquire::https::Timeout "20";',
    '',
  ].join('\n')
}

const missing = (reason: string): DebianPackage => ({
  found: false,
  reason,
  [Symbol.asyncDispose]: () => Promise.resolve(),
})

/** The last error line of a failed command: what apt says last is nearest to the cause. */
function lastWords(error: unknown): string {
  const output = error instanceof Error && 'stderr' in error ? String(error.stderr) : ''
  const lines = output.split('\n').filter((line) => line.startsWith('E: '))
  return lines.at(-1)?.slice(3) ?? (error instanceof Error ? error.message : String(error))
}
