import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BUCKETS, openBlobs, openRecords, RunRecord } from '@specfleet/shared'
import { afterAll, describe, expect, test } from 'vitest'
import { openSources } from '../../packages/orchestrator/src/source/source.ts'
import { deliver } from '../../packages/testkit/src/scripted-worker.ts'
import { git, makeRepository, muteHost, serveGit } from './git-hosts.ts'
import { startFleet } from './orchestrator-fleet.ts'

const fleet = await startFleet({ scriptOf: () => deliver })
await fleet.join()
const folder = await mkdtemp(join(tmpdir(), 'specfleet-sources-'))
afterAll(async () => {
  await fleet[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

const repository = (name: string, files?: Record<string, string>) => makeRepository(folder, name, files)
const sourcesUpTo = async (maxBytes: number) =>
  openSources({ blobs: await openBlobs(fleet.bus) }, { env: { PATH: process.env.PATH ?? '' }, maxBytes })

describe('a source', () => {
  test('reaches the run as a bundle that can be cloned', async () => {
    const path = await repository('cloned', { 'a.txt': 'alpha' })
    await fleet.submit({ kind: 'prompt', text: 'x', taskId: 'sourced', specId: 'sourced', source: { git: path } })
    await fleet.factsOf('sourced').until('run.spawned')
    const record = await (await openRecords(fleet.bus, BUCKETS.runs, RunRecord)).get('sourced')
    const source = record?.value.source
    expect(source).toMatchObject({ commit: git(path, 'rev-parse', 'HEAD'), branch: 'main' })
    if (source === null || source === undefined) return expect.unreachable('it has a source')
    const blob = await (await openBlobs(fleet.bus)).get(source.sha256)
    const bundle = join(folder, 'cloned.bundle')
    await writeFile(bundle, new Uint8Array(await new Response(blob?.stream).arrayBuffer()))
    git(folder, 'clone', '-q', bundle, 'clone-of-it')
    expect(git(join(folder, 'clone-of-it'), 'show', 'HEAD:a.txt')).toBe('alpha')
    expect(git(path, 'status', '--porcelain')).toBe('')
  })

  test('of a shallow clone is its one commit', async () => {
    const path = await repository('deep')
    git(path, 'commit', '-q', '--allow-empty', '-m', 'second')
    git(folder, 'clone', '-q', '--depth', '1', `file://${path}`, 'shallow')
    const sources = await sourcesUpTo(1_000_000)
    const source = await sources.fetch({ git: join(folder, 'shallow') }, new AbortController().signal)
    const blob = await (await openBlobs(fleet.bus)).get(source.sha256)
    await writeFile(join(folder, 'shallow.bundle'), new Uint8Array(await new Response(blob?.stream).arrayBuffer()))
    git(folder, 'clone', '-q', 'shallow.bundle', 'from-shallow')
    expect(git(join(folder, 'from-shallow'), 'log', '--format=%s')).toBe('second')
  })

  test('that is too large is refused, by its size on disk and by what comes over the wire', async () => {
    const noise = Buffer.from(crypto.getRandomValues(new Uint8Array(60_000))).toString('base64')
    const path = await repository('large', { noise })
    await using daemon = await serveGit(folder)
    const { signal } = new AbortController()
    const small = await sourcesUpTo(20_000)
    const tooLarge = { code: 'source.too-large' }
    await expect(small.check({ git: path }, signal)).rejects.toMatchObject(tooLarge)
    await expect(small.fetch({ git: path }, signal)).rejects.toMatchObject(tooLarge)
    await expect(small.fetch({ git: `${daemon.url}/large` }, signal)).rejects.toMatchObject(tooLarge)
  })

  test('that is slow to fetch keeps nobody who submits waiting', async () => {
    await using mute = await muteHost(4)
    const path = await repository('quick')
    const stop = new AbortController()
    const sources = await sourcesUpTo(1_000_000)
    const slow = Array.from({ length: 5 }, () => sources.fetch({ git: mute.url }, stop.signal))
    const ended = Promise.allSettled(slow)
    await mute.reached
    await sources.check({ git: path }, AbortSignal.timeout(10_000))
    stop.abort(new Error('enough'))
    expect((await ended).map(({ status }) => status)).toEqual(Array(5).fill('rejected'))
  })

  test('is fetched from a URL, by branch, tag or commit, or refused for what is wrong with it', async () => {
    const path = await repository('remote')
    git(path, 'tag', 'v1')
    git(path, 'commit', '-q', '--allow-empty', '-m', 'second')
    const [first, second] = [git(path, 'rev-parse', 'v1'), git(path, 'rev-parse', 'HEAD')]
    await repository('remote-empty', {})
    await using daemon = await serveGit(folder)
    const { signal } = new AbortController()
    const sources = await sourcesUpTo(1_000_000)
    const fetch = (name: string, ref?: string) =>
      sources.fetch({ git: `${daemon.url}/${name}`, ...(ref === undefined ? {} : { ref }) }, signal)
    expect(await fetch('remote')).toMatchObject({ commit: second, branch: 'main' })
    expect(await fetch('remote', 'v1')).toMatchObject({ commit: first })
    expect(await fetch('remote', second)).toMatchObject({ commit: second })
    await expect(fetch('remote', 'nope')).rejects.toMatchObject({ code: 'source.ref-unknown' })
    await expect(fetch('remote-empty')).rejects.toMatchObject({ code: 'source.empty' })
    await expect(fetch('not-there')).rejects.toMatchObject({ code: 'source.unreachable' })
  })
})
