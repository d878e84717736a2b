import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { watchWire } from './wire-watch.ts'

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'specfleet-wire-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

const NOT_YET = Symbol('not yet')
/** Whether it has settled by now. */
const now = (promise: Promise<void>) => Promise.race([promise, Promise.resolve(NOT_YET)])

test('tells when something gets its name, and not before', async () => {
  const wire = await folder()
  using watch = watchWire(wire)
  const there = watch.there(join(wire, 'bus.sock'))
  await writeFile(join(wire, 'bus.sock.part'), '')
  expect(await now(there)).toBe(NOT_YET)
  await rename(join(wire, 'bus.sock.part'), join(wire, 'bus.sock'))
  await there
  // What is there already is told at once.
  await watch.there(join(wire, 'bus.sock'))
  expect(await now(watch.gone)).toBe(NOT_YET)
})

test('tells when the folder is taken away', async () => {
  const wire = await folder()
  using watch = watchWire(wire)
  await rm(wire, { recursive: true })
  await watch.gone
})

test('keeps nobody waiting where nothing can be told', async () => {
  for (const wire of [undefined, join(await folder(), 'nowhere')]) {
    using watch = watchWire(wire)
    await watch.there('/nowhere/bus.sock')
    expect(await now(watch.gone)).toBe(NOT_YET)
  }
})
