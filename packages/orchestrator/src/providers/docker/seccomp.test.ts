import { expect, test } from 'vitest'
import { seccompProfile } from './seccomp.ts'
import { ALLOWED_CALLS } from './seccomp-calls.ts'

test('what is not named is refused, and what opens the kernel is not named', () => {
  expect(seccompProfile().defaultAction).toBe('SCMP_ACT_ERRNO')
  const doors = [
    ...['io_uring_setup', 'io_uring_enter', 'io_uring_register', 'bpf', 'userfaultfd', 'perf_event_open'],
    ...['keyctl', 'add_key', 'request_key', 'mount', 'umount2', 'fsopen', 'move_mount', 'pivot_root', 'chroot'],
    ...['unshare', 'setns', 'init_module', 'finit_module', 'kexec_load', 'reboot', 'swapon', 'settimeofday'],
    ...['clock_settime', 'process_vm_readv', 'kcmp', 'open_by_handle_at', 'mknod', 'syslog', 'quotactl', 'acct'],
  ]
  expect(doors.filter((call) => ALLOWED_CALLS.includes(call))).toEqual([])
  expect(new Set(ALLOWED_CALLS).size).toBe(ALLOWED_CALLS.length)
})

test('sockets are of four families, and a clone makes no namespace', () => {
  const rules = seccompProfile().syscalls
  const conditional = (name: string) => rules.filter(({ names }) => names.includes(name))
  expect(ALLOWED_CALLS).not.toContain('socket')
  expect(conditional('socket').map(({ args }) => args?.[0]?.value)).toEqual([1, 2, 10, 16])
  const [clone] = conditional('clone')
  const namespaces = [0x0002_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000]
  const mask = clone?.args?.[0]?.value ?? 0
  expect(namespaces.filter((flag) => (mask & flag) !== flag)).toEqual([])
  // Threads are made with other flags.
  expect(mask & 0x003d_0f00).toBe(0)
  expect(conditional('clone3')).toMatchObject([{ action: 'SCMP_ACT_ERRNO', errnoRet: 38 }])
})
