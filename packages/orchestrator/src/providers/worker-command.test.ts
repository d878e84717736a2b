import { expect, test } from 'vitest'
import { INSIDE } from './inside.ts'
import { SNAPSHOT_COMMAND, workerCommand } from './worker-command.ts'

const limits = { memoryMb: 1024, diskMb: 512, cpus: 1, pids: 128, wallClockMinutes: 1, outputMb: 1 }
const start = { limits, nodeFlags: new Set(['--disable-sigusr1']) }
const FLAGS = ['--max-old-space-size=768', '--disable-sigusr1']

test('a worker starts from its source, or from the snapshot that was made of it', () => {
  expect(workerCommand({ ...start, snapshot: false })).toEqual([INSIDE.node, ...FLAGS, INSIDE.bundle])
  const fromSnapshot = workerCommand({ ...start, snapshot: true })
  expect(fromSnapshot).toEqual([INSIDE.node, ...FLAGS, '--snapshot-blob', INSIDE.snapshot, INSIDE.bundle])
  expect(SNAPSHOT_COMMAND).toEqual([
    ...[INSIDE.node, '--snapshot-blob', INSIDE.snapshot, '--build-snapshot', INSIDE.bundle],
  ])
})
