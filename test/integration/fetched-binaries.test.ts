import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findBubblewrap, findNatsServer } from '@specfleet/cli/embedded'
import { expect, onTestFinished, type TestContext, test } from 'vitest'

const run = promisify(execFile)

/** The tools that fetching needs are on this path; the programs to be fetched are not. */
async function pathWithout(names: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'specfleet-tools-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  for (const tool of ['apt-get', 'dpkg', 'dpkg-deb']) await run('ln', ['-s', `/usr/bin/${tool}`, join(folder, tool)])
  expect((await readdir(folder)).filter((name) => names.includes(name))).toEqual([])
  return folder
}

async function search(context: TestContext) {
  const release = process.platform === 'linux' ? await readFile('/etc/os-release', 'utf8') : ''
  context.skip(!/^ID=debian$/m.test(release), 'only Debian has a mirror to fetch from')
  const cacheDir = await mkdtemp(join(tmpdir(), 'specfleet-fetch-'))
  onTestFinished(() => rm(cacheDir, { recursive: true, force: true }))
  const path = await pathWithout(['nats-server', 'bwrap'])
  return { cacheDir, path, report: () => undefined, signal: new AbortController().signal }
}

test('two processes fetch nats-server at once; both get it, and the next finds it in the cache', async (context) => {
  const options = await search(context)
  const found = await Promise.all([findNatsServer(options), findNatsServer(options)])
  expect(found[0]).toEqual(found[1])
  expect(found[0].from).toBe('debian')
  expect((await run(found[0].path, ['--version'])).stdout).toContain(found[0].version)
  expect(await findNatsServer(options)).toEqual({ ...found[0], from: 'cache' })
  expect(await readdir(options.cacheDir)).toEqual(['nats-server'])
})

test('bubblewrap comes from the suite that the machine runs', async (context) => {
  const { found } = await findBubblewrap({ ...(await search(context)), platform: process.platform })
  expect(found?.from).toBe('debian')
  expect((await run(found?.path ?? '', ['--version'])).stdout).toContain(found?.version)
})

test('a fetch that is called off leaves nothing, nor does one that was killed', async (context) => {
  const options = await search(context)
  await mkdir(join(options.cacheDir, 'fetch-1-1-of-a-killed-process'))
  const stop = new AbortController()
  const begun = Promise.withResolvers<void>()
  const fetching = findNatsServer({ ...options, report: () => begun.resolve(), signal: stop.signal })
  await begun.promise
  stop.abort(new Error('enough'))
  await expect(fetching).rejects.toThrow('enough')
  expect(await readdir(options.cacheDir)).toEqual([])
})
