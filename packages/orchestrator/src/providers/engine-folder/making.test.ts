import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { isLeftByItsMaker, makingName } from './making.ts'
import { findProcess } from './processes.ts'

const SOME = randomUUID()

test('a folder counts as left behind once its maker is gone, and never before', async () => {
  expect(await isLeftByItsMaker(await makingName())).toBe(false)

  const maker = spawn('sleep', ['60'])
  const { pid, start } = (await findProcess(maker.pid ?? 0)) ?? { pid: 0, start: '' }
  expect(await isLeftByItsMaker(`.making-${pid}-${start}-${SOME}`)).toBe(false)
  // The same process id in another life.
  expect(await isLeftByItsMaker(`.making-${pid}-${Number(start) - 1}-${SOME}`)).toBe(true)
  const gone = once(maker, 'exit')
  maker.kill('SIGKILL')
  await gone
  expect(await isLeftByItsMaker(`.making-${pid}-${start}-${SOME}`)).toBe(true)
})

test.each([`.dead-1-2-${SOME}`, `making-1-2-${SOME}`, `.making-${SOME}`, ''])(
  '"%s" is no such folder',
  async (name) => {
    expect(await isLeftByItsMaker(name)).toBe(false)
  },
)
