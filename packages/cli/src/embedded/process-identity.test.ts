import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { identityOf, isAlive, runsWithArgument } from './process-identity.ts'

test('a process is told apart from a later one with its number', async () => {
  const self = identityOf(process.pid)
  expect(self).toMatchObject({ pid: process.pid, startTime: expect.stringMatching(/^\d+$/) })
  expect(isAlive({ pid: process.pid, startTime: '1' })).toBe(false)
  const child = spawn('sleep', ['60'])
  await once(child, 'spawn')
  const identity = identityOf(child.pid ?? 0)
  expect(identity !== undefined && isAlive(identity)).toBe(true)
  expect(runsWithArgument(child.pid ?? 0, '60')).toBe(true)
  expect(runsWithArgument(child.pid ?? 0, '6')).toBe(false)
  child.kill('SIGKILL')
  await once(child, 'exit')
  expect(identity !== undefined && isAlive(identity)).toBe(false)
  expect(runsWithArgument(child.pid ?? 0, '60')).toBe(false)
})
