import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cacheFolder } from '@specfleet/cli/embedded'
import type Docker from 'dockerode'
import { ownDebian } from '../../cli/src/embedded/debian-package.ts'

const run = promisify(execFile)

/** A small Debian with what agents use, and what Node is linked to. Node itself is not in it. */
const PACKAGES = [
  ...['base-files', 'base-passwd', 'bash', 'ca-certificates', 'coreutils', 'dash', 'debianutils', 'diffutils'],
  ...['findutils', 'git', 'grep', 'gzip', 'hostname', 'libc-bin', 'libstdc++6', 'mawk', 'procps', 'ripgrep', 'sed'],
  ...['tar', 'util-linux'],
]

/** Packages are unpacked only. This does what their own scripts would have done, and takes out what no test reads. */
const FINISH = [
  'cd "$1"',
  'for file in passwd group; do cp "usr/share/base-passwd/$file.master" "etc/$file"; done',
  'ln -sf dash bin/sh',
  'ln -sf mawk usr/bin/awk',
  'cat usr/share/ca-certificates/mozilla/*.crt > etc/ssl/certs/ca-certificates.crt',
  'rm -rf usr/share/doc usr/share/man usr/share/info usr/share/locale usr/share/gitweb usr/lib/*/gconv',
].join(' && ')

/** Its first argument is the file to make, the rest the command that makes it with `.part` at the end of its name. */
const MAKE_IF_MISSING =
  'file=$1; shift; test -e "$file" || { "$@" && mv "$file.part" "$file"; } || { rm -f "$file.part"; exit 1; }'

/** How long packages may take to be fetched and unpacked, in seconds. */
const MAKE_LIMIT_S = 600

const REPOSITORY = 'specfleet-test-base'

/**
 * Puts the base image into that engine, where it is not in it, and gives its name.
 * @throws Error when its archive cannot be made, or the engine does not take it
 */
export async function baseImage({ client }: { readonly client: Docker }): Promise<string> {
  const archive = await baseArchive()
  if (archive.kind === 'none') throw new Error(archive.reason)
  const name = `${REPOSITORY}:${archive.tag}`
  const present = await client.listImages({ filters: { reference: [name] } })
  if (present.length > 0) return name
  const progress = await client.importImage(archive.path, { repo: name })
  await new Promise<void>((resolve, reject) =>
    client.modem.followProgress(progress, (error) => (error === null ? resolve() : reject(error))),
  )
  return name
}

export type BaseArchive =
  | { readonly kind: 'made'; readonly path: string; readonly tag: string }
  | { readonly kind: 'none'; readonly reason: string }

/**
 * The base image as an archive in the user's cache folder: made where there is none, which takes a minute or two,
 * once a machine. Of several processes that want it at the same time one makes it and the others wait.
 */
export async function baseArchive(report: (line: string) => void = say): Promise<BaseArchive> {
  const debian = await ownDebian()
  if (typeof debian === 'string') return none(debian)
  const { codename, mirror } = debian
  const tag = `${codename}-${RECIPE}`
  const folder = join(testCache(), 'docker-base')
  const path = join(folder, `${tag}.tar`)
  if (existsSync(path)) return { kind: 'made', path, tag }
  report('making the base image of Docker tests out of packages of the Debian mirror of this machine (once)')
  const make = [
    ...['mmdebstrap', '--variant=extract', '--format=tar', `--include=${PACKAGES.join(',')}`],
    ...['--aptopt=Acquire::Retries "2"', '--aptopt=Acquire::http::Timeout "20"', `--extract-hook=${FINISH}`],
    ...[codename, `${path}.part`, mirror],
  ]
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    // the kernel lets go of the lock when its holder dies, and `timeout` ends all that it started
    const alone = ['flock', join(folder, 'lock'), 'sh', '-c', MAKE_IF_MISSING, 'sh', path]
    await run('timeout', [String(MAKE_LIMIT_S), ...alone, ...make])
    return { kind: 'made', path, tag }
  } catch (error) {
    return none(complaint(error))
  }
}

const say = (line: string): boolean => process.stderr.write(`${line}\n`)

const none = (why: string): BaseArchive => ({ kind: 'none', reason: `no base image for Docker tests: ${why}` })

/** Names what the image is made of, so that another recipe is another image. */
const RECIPE = createHash('sha256')
  .update([...PACKAGES, FINISH].join('\n'))
  .digest('hex')
  .slice(0, 12)

function testCache(): string {
  const { platform, env } = process
  return cacheFolder({ platform, home: homedir(), xdgCacheHome: env.XDG_CACHE_HOME })
}

/** The first error line of mmdebstrap, where it came to say one: those after it only follow from it. */
function complaint(error: unknown): string {
  const output = error instanceof Error && 'stderr' in error ? String(error.stderr) : ''
  const fault = output.split('\n').find((line) => line.startsWith('E: '))
  return fault?.slice(3) ?? (error instanceof Error ? error.message : String(error))
}
