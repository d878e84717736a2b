import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Epoch, RunId, SandboxId, SpecId } from '@specfleet/shared'
import { expect, onTestFinished, test } from 'vitest'
import { readHandedOver, writeHandedOver } from './handed-over.ts'

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'specfleet-test-'))
  onTestFinished(() => rm(path, { recursive: true }))
  return path
}

const record = {
  containerId: 'c1',
  name: 'specfleet-f-waiting.1',
  identity: {
    id: SandboxId.parse('run-1'),
    labels: {
      fleet: 'f',
      specId: SpecId.parse('spec'),
      runId: RunId.parse('run'),
      epoch: Epoch.parse(1),
      expiresAt: '2100-01-01T00:00:00.000Z',
    },
    limits: { memoryMb: 256, diskMb: 64, cpus: 1, pids: 128, wallClockMinutes: 5, outputMb: 64 },
  },
  at: '2099-12-31T00:00:00.000Z',
}

test('a record is read as it was written, and there is none of what was started cold', async () => {
  const path = await folder()
  expect(await readHandedOver(path)).toBeUndefined()
  await writeHandedOver(path, record)
  expect(await readHandedOver(path)).toEqual({ v: 1, ...record })
})

test('a record that a power loss emptied is none, and one that says something else is refused', async () => {
  const path = await folder()
  for (const left of ['', '\0\0\0']) {
    await writeFile(join(path, 'handed-over'), left)
    expect(await readHandedOver(path)).toBeUndefined()
  }
  await writeFile(join(path, 'handed-over'), '{"v":2}')
  await expect(readHandedOver(path)).rejects.toThrow()
})
