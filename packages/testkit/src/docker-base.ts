import { execFile } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cacheFolder } from '@specfleet/cli/embedded'
import type Docker from 'dockerode'

const run = promisify(execFile)

/** What a toolchain image of anybody's has: a shell, git, and the library that Node needs. There is no Node in it. */
const PACKAGES = [
  ...['base-files', 'base-passwd', 'bash', 'coreutils', 'dash', 'debianutils', 'diffutils', 'findutils', 'grep'],
  ...['gzip', 'mawk', 'sed', 'tar', 'util-linux', 'perl-base', 'libstdc++6', 'git', 'ripgrep', 'procps'],
]
/** What the packages' own scripts would do; they are not run. */
const FINISH =
  'ln -sf dash "$1/bin/sh"; ln -sf mawk "$1/usr/bin/awk"; for file in passwd group; do cp "$1/usr/share/base-passwd/$file.master" "$1/etc/$file"; done'

const IMAGE = 'specfleet-test-base'

/** The image on that engine, put there where it is missing. Nothing is pulled: no registry is needed. */
export async function baseImage(client: Docker): Promise<string> {
  const name = `${IMAGE}:${await recipe()}`
  const known = await client.listImages({ filters: { reference: [name] } })
  if (known.length > 0) return name
  const stream = await client.importImage(createReadStream(await baseArchive()), {
    repo: IMAGE,
    tag: await recipe(),
  })
  await new Promise<void>((resolve, reject) =>
    client.modem.followProgress(stream, (error: Error | null) => (error === null ? resolve() : reject(error))),
  )
  return name
}

/** The archive of that image, made once on this machine out of Debian's packages: a minute, then none. */
export async function baseArchive(): Promise<string> {
  const { platform, env } = process
  const folder = join(cacheFolder({ platform, home: homedir(), xdgCacheHome: env.XDG_CACHE_HOME }), 'test-base')
  const archive = join(folder, `${await recipe()}.tar`)
  if (existsSync(archive)) return archive
  await mkdir(folder, { recursive: true })
  const part = join(folder, `${randomUUID()}.tar`)
  try {
    const packages = `--include=${PACKAGES.join(',')}`
    await run('mmdebstrap', ['--variant=extract', packages, `--customize-hook=${FINISH}`, await codename(), part])
    await rename(part, archive)
  } finally {
    await rm(part, { force: true })
  }
  return archive
}

/** Names what the archive is made of. */
const recipe = async (): Promise<string> =>
  createHash('sha256')
    .update([await codename(), ...PACKAGES, FINISH].join(' '))
    .digest('hex')
    .slice(0, 16)

async function codename(): Promise<string> {
  const release = await readFile('/etc/os-release', 'utf8')
  return /^VERSION_CODENAME=(\w+)$/m.exec(release)?.[1] ?? 'stable'
}
