/** The system-call filter of a container, as Docker takes it. Denied unless it is allowed. Pure. */
import { ALLOWED_CALLS } from './seccomp-calls.ts'

type Argument = {
  readonly index: number
  readonly value: number
  readonly valueTwo?: number
  readonly op: 'SCMP_CMP_EQ' | 'SCMP_CMP_MASKED_EQ'
}
type Rule = {
  readonly names: readonly string[]
  readonly action: 'SCMP_ACT_ALLOW' | 'SCMP_ACT_ERRNO'
  readonly errnoRet?: number
  readonly args?: readonly Argument[]
}
export type SeccompProfile = {
  readonly defaultAction: 'SCMP_ACT_ERRNO'
  readonly defaultErrnoRet: number
  readonly archMap: readonly { readonly architecture: string; readonly subArchitectures: readonly string[] }[]
  readonly syscalls: readonly Rule[]
}

const EPERM = 1
const ENOSYS = 38

/** AF_UNIX, AF_INET, AF_INET6, and AF_NETLINK, by which interfaces are listed. */
const FAMILIES = [1, 2, 10, 16] as const

/** CLONE_NEWTIME stands among the bits of the exit signal, and makes no sense to `clone`. */
const NEW_NAMESPACES = 0x7e02_0000

/** Personalities that programs ask for: the current one, Linux with and without address randomisation. */
const PERSONALITIES = [0x0, 0x0008, 0x0002_0000, 0x0002_0008, 0xffff_ffff, 0x0004_0000] as const

const equal = (index: number, value: number): readonly Argument[] => [{ index, value, op: 'SCMP_CMP_EQ' }]

export function seccompProfile(): SeccompProfile {
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: EPERM,
    archMap: [
      { architecture: 'SCMP_ARCH_X86_64', subArchitectures: [] },
      { architecture: 'SCMP_ARCH_AARCH64', subArchitectures: [] },
    ],
    syscalls: [
      { names: ALLOWED_CALLS, action: 'SCMP_ACT_ALLOW' },
      ...FAMILIES.map((family) => allowIf(['socket', 'socketpair'], equal(0, family))),
      ...PERSONALITIES.map((persona) => allowIf(['personality'], equal(0, persona))),
      allowIf(['clone'], [{ index: 0, value: NEW_NAMESPACES, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }]),
      // Its flags are behind a pointer that no filter sees. The C library then uses `clone`.
      { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: ENOSYS },
    ],
  }
}

const allowIf = (names: readonly string[], args: readonly Argument[]): Rule => ({
  names,
  action: 'SCMP_ACT_ALLOW',
  args,
})
