import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Sha256, type SourceBundle } from '@specfleet/shared'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { existsIn, fillWorkspace } from './workspace.ts'

const run = promisify(execFile)
const env = { PATH: process.env.PATH ?? '', HOME: '/nonexistent' }
const signal = new AbortController().signal

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'specfleet-workspace-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
})

/** A repository of one commit, as a bundle, as the desk has it. */
async function bundle(): Promise<{ bytes: Uint8Array<ArrayBuffer>; source: SourceBundle }> {
  const repository = join(folder, 'repository')
  const identity = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org']
  const git = async (...args: string[]) => (await run('git', ['-C', repository, ...identity, ...args])).stdout.trim()
  await run('git', ['init', '-q', '-b', 'trunk', repository])
  await writeFile(join(repository, 'README.md'), '# Shop\n')
  await writeFile(join(repository, 'stock.ts'), 'export const stock = 3\n')
  await git('add', '.')
  await git('commit', '-q', '-m', 'Begin')
  await git('bundle', 'create', '-q', join(folder, 'b'), 'trunk')
  const bytes = new Uint8Array(await readFile(join(folder, 'b')))
  const sha256 = Sha256.parse(createHash('sha256').update(bytes).digest('hex'))
  return { bytes, source: { sha256, bytes: bytes.length, commit: await git('rev-parse', 'HEAD'), branch: 'trunk' } }
}

const deskWith = (bytes: Uint8Array<ArrayBuffer>) => ({ blob: async () => new Blob([bytes]).stream() })

describe('fillWorkspace', () => {
  it('makes a clone at the commit, with an identity and without a remote', async () => {
    const { bytes, source } = await bundle()
    const root = join(folder, 'work')
    const view = await fillWorkspace(source, deskWith(bytes), { root, env, signal })
    expect(view).toEqual({ root, files: 2, entries: ['README.md', 'stock.ts'] })
    const git = async (...args: string[]) => (await run('git', ['-C', root, ...args])).stdout.trim()
    expect(await git('rev-parse', 'HEAD')).toBe(source.commit)
    expect(await git('branch', '--show-current')).toBe('trunk')
    expect(await git('remote')).toBe('')
    expect(await git('status', '--porcelain')).toBe('')
    expect(await git('config', 'user.email')).toContain('@')
  })

  it('takes no bytes that do not match their name', async () => {
    const { bytes, source } = await bundle()
    const wrong = { ...source, sha256: Sha256.parse('0'.repeat(64)) }
    const filling = fillWorkspace(wrong, deskWith(bytes), { root: join(folder, 'work'), env, signal })
    await expect(filling).rejects.toMatchObject({ code: 'blob.corrupt' })
  })

  it("is an empty folder without a source, and never someone else's folder", async () => {
    const root = join(folder, 'work')
    expect(await fillWorkspace(null, deskWith(new Uint8Array()), { root, env, signal })).toMatchObject({ files: 0 })
    await writeFile(join(root, 'precious.txt'), 'mine')
    const again = fillWorkspace(null, deskWith(new Uint8Array()), { root, env, signal })
    await expect(again).rejects.toMatchObject({ code: 'sandbox-env.invalid' })
  })
})

describe('existsIn', () => {
  it('knows what is in the workspace and nothing else', async () => {
    await writeFile(join(folder, 'a.ts'), '')
    const exists = existsIn(folder)
    expect(['a.ts', './a.ts', 'x/../a.ts'].map(exists)).toEqual([true, true, true])
    expect(['b.ts', '/etc/passwd', '..', '../../etc/passwd', join(folder, 'a.ts')].map(exists)).not.toContain(true)
  })
})
