import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { withLock } from './succession-lock.ts'

const never = new AbortController().signal

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'specfleet-lock-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** Reads, waits for a turn of the event loop and writes: loses counts unless it is alone. */
async function increment(file: string): Promise<void> {
  const count = Number(await readFile(file, 'utf8'))
  await new Promise((resolve) => setImmediate(resolve))
  await writeFile(file, String(count + 1))
}

test('one body runs at a time, and a failing one lets the next in', async () => {
  const folder = await temporaryFolder()
  const counter = join(folder, 'counter')
  await writeFile(counter, '0')
  const lock = join(folder, 'lock')
  const failing = withLock(lock, never, () => Promise.reject(new Error('body')))
  await expect(failing).rejects.toThrow('body')
  await Promise.all(Array.from({ length: 12 }, () => withLock(lock, never, () => increment(counter))))
  expect(await readFile(counter, 'utf8')).toBe('12')
  expect(await readdir(lock)).toHaveLength(1)
})

test('processes that hammer it never meet inside', async () => {
  const folder = await temporaryFolder()
  const counter = join(folder, 'counter')
  await writeFile(counter, '0')
  const program = `
    import { readFile, writeFile } from 'node:fs/promises'
    const { withLock } = await import(process.argv[1])
    const signal = new AbortController().signal
    for (let turn = 0; turn < 25; turn += 1) {
      await withLock(process.argv[2], signal, async () => {
        const count = Number(await readFile(process.argv[3], 'utf8'))
        await writeFile(process.argv[3], String(count + 1))
      })
    }`
  const source = join(import.meta.dirname, 'succession-lock.ts')
  const args = ['--input-type=module', '-e', program, source, join(folder, 'lock'), counter]
  const children = Array.from({ length: 4 }, () => spawn(process.execPath, args, { stdio: 'inherit' }))
  await Promise.all(children.map((child) => once(child, 'exit')))
  expect(await readFile(counter, 'utf8')).toBe('100')
})

test('the lock of a dead process is taken over', async () => {
  const lock = join(await temporaryFolder(), 'lock')
  await mkdir(lock)
  const child = spawn('sleep', ['60'])
  const holder = { pid: child.pid, startTime: '1' }
  await writeFile(join(lock, '7'), JSON.stringify(holder))
  expect(await withLock(lock, never, async () => readdir(lock))).toEqual(['8'])
  child.kill()
})

test('waiting for a living holder ends when it is told to', async () => {
  const lock = join(await temporaryFolder(), 'lock')
  const stop = new AbortController()
  await withLock(lock, never, async () => {
    const waiting = withLock(lock, stop.signal, async () => 'in')
    stop.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
  })
})
