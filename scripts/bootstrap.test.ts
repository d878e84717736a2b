import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'

/** Prints its arguments; with `wait` it goes on until a signal ends it with an exit code of its own. */
const PROGRAM = `
  const args = process.argv.slice(2)
  if (args[1] === 'wait') {
    process.once('SIGTERM', () => process.exit(7))
    setInterval(() => undefined, 1_000)
  }
  process.stdout.write(JSON.stringify(args) + '\\n')
`

/** Stands in for npm: leaves the pinned Node where the real one would, and counts its calls. */
const npm = (exitCode: number) => `#!/bin/sh
echo "$@" >> npm-calls
mkdir -p node_modules/.bin
ln -sf '${process.execPath}' node_modules/.bin/node
exit ${exitCode}
`

async function freshCheckout(options: { npmExitCode?: number } = {}) {
  const root = await mkdtemp(join(tmpdir(), 'specfleet-checkout-'))
  onTestFinished(() => rm(root, { recursive: true, force: true }))
  for (const folder of ['scripts', 'packages/cli/src', 'bin']) await mkdir(join(root, folder), { recursive: true })
  await copyFile(join(import.meta.dirname, 'bootstrap.mjs'), join(root, 'scripts', 'bootstrap.mjs'))
  await writeFile(join(root, 'package-lock.json'), '{}')
  await writeFile(join(root, 'packages/cli/src/main.ts'), PROGRAM)
  await writeFile(join(root, 'bin', 'npm'), npm(options.npmExitCode ?? 0), { mode: 0o755 })
  await symlink('/bin/sh', join(root, 'bin', 'sh'))
  const start = (...args: string[]) =>
    spawn(process.execPath, [join(root, 'scripts', 'bootstrap.mjs'), ...args], {
      cwd: tmpdir(),
      env: { PATH: `${join(root, 'bin')}:/usr/bin:/bin` },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  const run = async (...args: string[]) => {
    const child = start(...args)
    const ended = once(child, 'exit')
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)])
    return { code: (await ended)[0], out, err }
  }
  const npmCalls = async () => (await readFile(join(root, 'npm-calls'), 'utf8')).trim().split('\n')
  return { root, start, run, npmCalls }
}

test('what is missing is installed once, and again when the lock changed', async () => {
  const { root, run, npmCalls } = await freshCheckout()
  expect(await run('demo', '--spec', 'my file.md')).toMatchObject({ code: 0, out: '["demo","--spec","my file.md"]\n' })
  expect(await run('cli', 'list')).toEqual({ code: 0, out: '["list"]\n', err: '' })
  expect(await npmCalls()).toHaveLength(1)
  await writeFile(join(root, 'package-lock.json'), '{"changed":true}')
  expect((await run('cli')).code).toBe(0)
  expect(await npmCalls()).toEqual(Array(2).fill(expect.stringMatching(/^ci /)))
})

test('a failed installation is told and tried again next time', async () => {
  const { run, npmCalls } = await freshCheckout({ npmExitCode: 1 })
  expect(await run('demo')).toEqual({ code: 78, out: '', err: expect.stringContaining('could not be installed') })
  expect((await run('demo')).code).toBe(78)
  expect(await npmCalls()).toHaveLength(2)
})

test('a signal reaches the program, and its exit code comes back', async () => {
  const { run, start } = await freshCheckout()
  await run('cli')
  const child = start('demo', 'wait')
  await once(child.stdout, 'data')
  child.kill('SIGTERM')
  expect(await once(child, 'exit')).toEqual([7, null])
})

test('an unknown program is a usage error', async () => {
  const { run } = await freshCheckout()
  expect(await run('constructor')).toEqual({ code: 2, out: '', err: expect.stringContaining('Usage:') })
})
