import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { findBubblewrap } from './bubblewrap-binary.ts'
import { findNatsServer } from './nats-binary.ts'

/** A machine with nothing but what the test puts there. */
async function emptyMachine() {
  const root = await mkdtemp(join(tmpdir(), 'specfleet-machine-'))
  onTestFinished(() => rm(root, { recursive: true, force: true }))
  const [path, cacheDir] = [join(root, 'bin'), join(root, 'cache')]
  await mkdir(path)
  return { path, cacheDir, report: () => undefined, signal: new AbortController().signal }
}

async function putProgram(folder: string, name: string, prints: string): Promise<string> {
  await mkdir(folder, { recursive: true })
  const file = join(folder, name)
  await writeFile(file, `#!/bin/sh\necho '${prints}'\n`, { mode: 0o755 })
  return file
}

test('a server on the path is taken when it is new enough', async () => {
  const machine = await emptyMachine()
  const path = await putProgram(machine.path, 'nats-server', 'nats-server: v2.12.0')
  expect(await findNatsServer(machine)).toEqual({ path, version: '2.12.0', from: 'PATH' })
})

test('one in the cache is taken when that on the path is too old', async () => {
  const machine = await emptyMachine()
  await putProgram(machine.path, 'nats-server', 'nats-server: v2.11.9')
  await putProgram(join(machine.cacheDir, 'nats-server', '2.13.0'), 'nats-server', 'broken')
  const path = await putProgram(join(machine.cacheDir, 'nats-server', '2.12.4'), 'nats-server', 'nats-server: v2.12.4')
  expect(await findNatsServer(machine)).toEqual({ path, version: '2.12.4', from: 'cache' })
})

test('where none can be had, the refusal names what is there and what to install', async () => {
  const machine = await emptyMachine()
  const old = await putProgram(machine.path, 'nats-server', 'nats-server: version 2.9.10')
  await expect(findNatsServer(machine)).rejects.toMatchObject({
    code: 'nats.not-found',
    message: expect.stringContaining(`${old} is 2.9.10; this machine has no apt and dpkg`),
    next: expect.stringMatching(/brew.*Debian sid.*container image.*release archive/),
  })
})

test('bubblewrap is taken from the path or the cache; its absence has a reason', async () => {
  const machine = { ...(await emptyMachine()), platform: 'linux' } as const
  expect(await findBubblewrap(machine)).toEqual({
    found: null,
    reason: expect.stringContaining('install the package bubblewrap'),
  })
  const cached = await putProgram(join(machine.cacheDir, 'bwrap', '0.8.0'), 'bwrap', 'bubblewrap 0.8.0')
  expect(await findBubblewrap(machine)).toEqual({ found: { path: cached, version: '0.8.0', from: 'cache' } })
  const onPath = await putProgram(machine.path, 'bwrap', 'bubblewrap 0.9.0')
  expect(await findBubblewrap(machine)).toEqual({ found: { path: onPath, version: '0.9.0', from: 'PATH' } })
  expect(await findBubblewrap({ ...machine, platform: 'darwin' })).toMatchObject({ found: null })
})
