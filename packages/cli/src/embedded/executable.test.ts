import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { compareVersions, executablesOnPath, parseVersion, versionOf } from './executable.ts'

const signal = new AbortController().signal

async function folderWith(files: Record<string, { text: string; mode: number }>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'specfleet-path-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  for (const [name, { text, mode }] of Object.entries(files)) {
    await writeFile(join(folder, name), text)
    await chmod(join(folder, name), mode)
  }
  return folder
}

test('a program is found in the order of the path, if it may be run and is a file', async () => {
  const first = await folderWith({ tool: { text: '', mode: 0o644 } })
  const second = await folderWith({ tool: { text: '', mode: 0o755 } })
  const third = await folderWith({})
  await mkdir(join(third, 'tool'))
  const path = [first, '', 'relative', third, '/nowhere', second, second].join(delimiter)
  expect(await executablesOnPath('tool', path)).toEqual([join(second, 'tool')])
})

test('versions are read from what programs print', async () => {
  expect(parseVersion('nats-server: v2.15.1')).toEqual([2, 15, 1])
  expect(parseVersion('bubblewrap 0.8')).toEqual([0, 8, 0])
  expect(parseVersion('no number')).toBeUndefined()
  const folder = await folderWith({
    good: { text: '#!/bin/sh\necho "good 3.4.5"\n', mode: 0o755 },
    bad: { text: '#!/bin/sh\nexit 1\n', mode: 0o755 },
  })
  expect(await versionOf(join(folder, 'good'), signal)).toEqual([3, 4, 5])
  expect(await versionOf(join(folder, 'bad'), signal)).toBeUndefined()
  expect(await versionOf(join(folder, 'absent'), signal)).toBeUndefined()
})

test('asking for a version stops when it is told to', async () => {
  const folder = await folderWith({ slow: { text: '#!/bin/sh\nexec sleep 60\n', mode: 0o755 } })
  const stop = new AbortController()
  const asked = versionOf(join(folder, 'slow'), stop.signal)
  stop.abort(new Error('enough'))
  await expect(asked).rejects.toThrow('enough')
})

test('versions are compared number by number', () => {
  expect(compareVersions([2, 9, 10], [2, 12, 0])).toBeLessThan(0)
  expect(compareVersions([3, 0, 0], [2, 15, 1])).toBeGreaterThan(0)
  expect(compareVersions([2, 12, 0], [2, 12, 0])).toBe(0)
})
