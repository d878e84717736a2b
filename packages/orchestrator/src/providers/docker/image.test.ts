import { expect, test } from 'vitest'
import { mountsFor } from './image.ts'
import { explain, isUnreadable } from './try-out.ts'

const worker = { node: '/e/node', bundle: '/e/worker.mjs', compileCache: '/e/cache' }
const wanted = { name: 'tools:1', version: 'abc' }

test('an image without a worker gets it mounted, read-only, with a Node to run it', () => {
  const mounts = mountsFor({ labels: {} }, worker, wanted)
  expect(mounts).toHaveLength(3)
  expect(mounts.some(({ writable }) => writable)).toBe(false)
})

test('an image with this worker in it needs nothing, and one with another is refused with the command to run', () => {
  expect(mountsFor({ labels: { 'specfleet.worker': 'abc' } }, worker, wanted)).toEqual([])
  expect(() => mountsFor({ labels: { 'specfleet.worker': 'old' } }, worker, wanted)).toThrow(
    expect.objectContaining({ code: 'provider.image', next: expect.stringContaining('specfleet image build') }),
  )
})

test('an image in which Node cannot run is told by what it lacks', () => {
  const lacking = 'node: error while loading shared libraries: libstdc++.so.6: cannot open shared object file'
  expect(explain('tools:1', 127, lacking).message).toContain('image tools:1 lacks libstdc++.so.6')
  expect(explain('alpine', 1, '[FATAL tini (7)] exec node failed: No such file or directory').message).toContain(
    'Node cannot run in image alpine',
  )
  const unreadable = explain('tools:1', 126, '[FATAL tini (2)] exec /opt/node failed: Permission denied')
  expect(unreadable.next).toContain('image without the worker')
  expect(isUnreadable(unreadable)).toBe(true)
  expect(isUnreadable(explain('tools:1', 9, 'boom'))).toBe(false)
  expect(explain('tools:1', 9, 'boom').message).toContain('exit 9 (boom)')
})
