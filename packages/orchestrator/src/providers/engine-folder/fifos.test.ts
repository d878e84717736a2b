import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { hold, isHeld } from './alive.ts'
import { Fifos } from './fifos.ts'
import { engineLayout } from './layout.ts'
import { findProcess } from './processes.ts'

async function engine() {
  const root = await mkdtemp(join(tmpdir(), 'specfleet-fifos-'))
  onTestFinished(() => rm(root, { recursive: true }))
  return engineLayout(root)
}

test('each is one of its own, for its owner only, however many are asked for at once', async () => {
  const layout = await engine()
  await using fifos = await Fifos.open(layout)
  const paths = Array.from({ length: 50 }, (_, number) => join(layout.root, `${number}`))
  await Promise.all([fifos.place(...paths.slice(0, 20)), ...paths.slice(20).map((path) => fifos.place(path))])
  const made = await Promise.all(paths.map((path) => stat(path)))
  expect(made.every((each) => each.isFIFO() && (each.mode & 0o777) === 0o600)).toBe(true)
  expect(new Set(made.map(({ ino }) => ino)).size).toBe(paths.length)
  using _held = hold(paths[0] ?? '')
  expect(paths.map(isHeld)).toEqual(paths.map((_, number) => number === 0))
})

test('a process leaves no stock behind, and removes that of one that was killed', async () => {
  const layout = await engine()
  const killed = spawn('sleep', ['60'])
  const { pid, start } = (await findProcess(killed.pid ?? 0)) ?? { pid: 0, start: '' }
  const left = `.making-${pid}-${start}-${randomUUID()}`
  await mkdir(join(layout.fifos, left), { recursive: true })
  await (await Fifos.open(layout))[Symbol.asyncDispose]()
  // It is alive, and may be making sandboxes.
  expect(await readdir(layout.fifos)).toEqual([left])
  const gone = once(killed, 'exit')
  killed.kill('SIGKILL')
  await gone
  const fifos = await Fifos.open(layout)
  await fifos.place(join(layout.root, 'one'))
  await fifos[Symbol.asyncDispose]()
  expect(await readdir(layout.fifos)).toEqual([])
})

test('a folder that is gone is an error to whoever asked, and not to the next', async () => {
  const layout = await engine()
  await using fifos = await Fifos.open(layout)
  await expect(fifos.place(join(layout.root, 'nowhere', 'one'))).rejects.toThrow('ENOENT')
  await fifos.place(join(layout.root, 'one'))
  expect((await stat(join(layout.root, 'one'))).isFIFO()).toBe(true)
})

test('a stock that somebody has tidied away is made anew', async () => {
  const layout = await engine()
  await using fifos = await Fifos.open(layout)
  await fifos.place(join(layout.root, 'one'))
  await rm(layout.fifos, { recursive: true })
  await fifos.place(join(layout.root, 'two'), join(layout.root, 'three'))
  for (const name of ['two', 'three']) expect((await stat(join(layout.root, name))).isFIFO()).toBe(true)
})
