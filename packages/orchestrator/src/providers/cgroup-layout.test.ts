import { describe, expect, it } from 'vitest'
import { findHierarchies, settingsOf } from './cgroup-layout.ts'

const FIRST = `tmpfs /sys/fs/cgroup tmpfs rw,mode=755 0 0
cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,relatime,cpu,cpuacct 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0
cgroup /sys/fs/cgroup/pids cgroup rw,relatime,pids 0 0
`
const SECOND = 'cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nodev,noexec,relatime,nsdelegate 0 0\n'
const HYBRID = `${FIRST}cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0\n`
const limits = { memoryMb: 512, diskMb: 64, cpus: 0.5, pids: 100, wallClockMinutes: 1, outputMb: 1 }

describe('control groups', () => {
  it('are found in version 1, also where two controllers share a mount', () => {
    expect(findHierarchies(FIRST, [])).toEqual({
      memory: { version: 1, mount: '/sys/fs/cgroup/memory' },
      pids: { version: 1, mount: '/sys/fs/cgroup/pids' },
      cpu: { version: 1, mount: '/sys/fs/cgroup/cpu,cpuacct' },
    })
  })

  it('are found in version 2, as far as they are enabled', () => {
    expect(findHierarchies(SECOND, ['memory', 'pids'])).toEqual({
      memory: { version: 2, mount: '/sys/fs/cgroup' },
      pids: { version: 2, mount: '/sys/fs/cgroup' },
    })
  })

  it('are taken from version 1 where both exist', () => {
    expect(findHierarchies(HYBRID, ['hugetlb'])).toEqual(findHierarchies(FIRST, []))
    expect(findHierarchies('proc /proc proc rw 0 0\n', ['memory'])).toEqual({})
  })

  it('are written as each version wants it', () => {
    const written = (version: 1 | 2) =>
      (['memory', 'pids', 'cpu'] as const).flatMap((controller) =>
        settingsOf(controller, version, limits).map(({ file, value }) => `${file}=${value}`),
      )
    expect(written(1)).toEqual([
      'memory.limit_in_bytes=536870912',
      'memory.memsw.limit_in_bytes=536870912',
      'pids.max=100',
      'cpu.cfs_period_us=100000',
      'cpu.cfs_quota_us=50000',
    ])
    expect(written(2)).toEqual(['memory.max=536870912', 'memory.swap.max=0', 'pids.max=100', 'cpu.max=50000 100000'])
  })
})
