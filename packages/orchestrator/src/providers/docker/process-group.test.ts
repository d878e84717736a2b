import { expect, test } from 'vitest'
import { processGroupIn } from './process-group.ts'

test('the group that counts processes is found under both versions of control groups', () => {
  const first = 'cgroup /sys/fs/cgroup/pids cgroup rw,pids 0 0\ncgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n'
  expect(processGroupIn('4:memory:/docker/c0ffee\n3:pids:/docker/c0ffee\n', first)).toBe(
    '/sys/fs/cgroup/pids/docker/c0ffee',
  )
  const second = 'cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n'
  expect(processGroupIn('0::/system.slice/docker-c0ffee.scope\n', second)).toBe(
    '/sys/fs/cgroup/system.slice/docker-c0ffee.scope',
  )
  expect(processGroupIn('', '')).toBeUndefined()
})
