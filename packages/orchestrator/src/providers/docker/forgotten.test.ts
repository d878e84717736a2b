import { expect, it } from 'vitest'
import { containerOfShim } from './forgotten.ts'

it('knows a shim by its program, of whichever runtime, and its container by an argument', () => {
  const args = ['-namespace', 'moby', '-id', 'c0ffee', '-address', '/run/containerd/containerd.sock']
  expect(containerOfShim(['/usr/bin/containerd-shim-runc-v2', ...args])).toBe('c0ffee')
  expect(containerOfShim(['containerd-shim-runsc-v1', ...args])).toBe('c0ffee')
  expect(containerOfShim(['/usr/bin/containerd', ...args])).toBeUndefined()
  expect(containerOfShim(['containerd-shim-runc-v2'])).toBeUndefined()
  expect(containerOfShim(['containerd-shim-runc-v2', '-id'])).toBeUndefined()
  expect(containerOfShim([''])).toBeUndefined()
})
