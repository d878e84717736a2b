import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { Sha256, type SourceBundle } from '@specfleet/shared'

const run = promisify(execFile)

export type Source = { bundle: SourceBundle; bytes: Uint8Array }

/** The repository that the sample plan is about, as the desk has it. */
export async function sampleSource(): Promise<Source> {
  const files = ['src/api/server.ts', 'src/stock.ts', 'package.json', 'test/stock.test.ts']
  const folder = await mkdtemp(join(tmpdir(), 'specfleet-repository-'))
  const identity = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org']
  const git = async (...args: string[]) => (await run('git', ['-C', folder, ...identity, ...args])).stdout.trim()
  await git('init', '-q', '-b', 'main')
  for (const file of files) {
    await mkdir(dirname(join(folder, file)), { recursive: true })
    await writeFile(join(folder, file), `// ${file}\n`)
  }
  await git('add', '.')
  await git('commit', '-q', '-m', 'Begin')
  const commit = await git('rev-parse', 'HEAD')
  await git('bundle', 'create', '-q', 'source.bundle', 'main')
  const bytes = new Uint8Array(await readFile(join(folder, 'source.bundle')))
  const sha256 = Sha256.parse(createHash('sha256').update(bytes).digest('hex'))
  await rm(folder, { recursive: true })
  return { bundle: { sha256, bytes: bytes.length, commit, branch: 'main' }, bytes }
}
