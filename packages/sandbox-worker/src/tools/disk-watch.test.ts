import { describe, expect, it } from 'vitest'
import { CALLS_TO_MAKE_ROOM, DiskWatch, isFull } from './disk-watch.ts'
import type { Tool } from './tool.ts'

const signal = new AbortController().signal
const call = { id: 'call', name: 'echo', input: {} }
const tool: Tool = {
  definition: { name: 'echo', input_schema: { type: 'object' } },
  run: async () => ({ content: 'said', isError: false }),
}

describe('a full workspace', () => {
  it('is told to the model, and ends the run only when no room was made', async () => {
    let full = true
    const watched = new DiskWatch('/workspace', async () => full).over(tool)
    const told = { isError: true, fault: 'disk-full', content: expect.stringContaining('delete') }
    for (let n = 0; n < CALLS_TO_MAKE_ROOM; n++) expect(await watched.run(call, signal)).toMatchObject(told)
    full = false
    expect(await watched.run(call, signal)).toEqual({ content: 'said', isError: false })
    full = true
    for (let n = 0; n < CALLS_TO_MAKE_ROOM; n++) expect(await watched.run(call, signal)).toMatchObject(told)
    await expect(watched.run(call, signal)).rejects.toMatchObject({ code: 'sandbox.disk-full' })
  })

  it('is counted over all tools of the workspace together', async () => {
    const disk = new DiskWatch('/workspace', async () => true)
    const [one, other] = [disk.over(tool), disk.over(tool)]
    for (let n = 0; n < CALLS_TO_MAKE_ROOM; n++) await (n % 2 === 0 ? one : other).run(call, signal)
    await expect(other.run(call, signal)).rejects.toMatchObject({ code: 'sandbox.disk-full' })
  })

  it('is no folder with room', async () => {
    expect(await isFull('/tmp')).toBe(false)
    expect(await isFull('/proc')).toBe(true)
  })
})
