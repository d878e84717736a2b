/**
 * The system-call filter of a sandbox, as a classic BPF program for `bwrap --seccomp`. Pure.
 *
 * Namespaces already take away what a sandbox could reach; this takes away kernel doors that no build,
 * test or agent needs and that have been ways out before. `ptrace` stays: it reaches only the sandbox's
 * own processes, debuggers and leak sanitizers need it, and the worker's memory is closed to it because
 * its program is not readable (see stage.ts).
 */
export type Architecture = 'x64' | 'arm64'

type CallTable = {
  readonly audit: number
  readonly socketCalls: readonly number[]
  readonly denied: Readonly<Record<string, number>>
  /** First number of a second ABI under the same architecture, which would walk around the table. */
  readonly foreignFrom?: number
}

const TABLES: Record<Architecture, CallTable> = {
  x64: {
    audit: 0xc000_003e,
    socketCalls: [41, 53],
    foreignFrom: 0x4000_0000,
    denied: {
      io_uring_setup: 425,
      io_uring_enter: 426,
      io_uring_register: 427,
      add_key: 248,
      request_key: 249,
      keyctl: 250,
      bpf: 321,
      perf_event_open: 298,
      userfaultfd: 323,
    },
  },
  arm64: {
    audit: 0xc000_00b7,
    socketCalls: [198, 199],
    denied: {
      io_uring_setup: 425,
      io_uring_enter: 426,
      io_uring_register: 427,
      add_key: 217,
      request_key: 218,
      keyctl: 219,
      bpf: 280,
      perf_event_open: 241,
      userfaultfd: 282,
    },
  },
}

/** AF_UNIX, AF_INET, AF_INET6, and AF_NETLINK, by which interfaces are listed. */
const FAMILIES = [1, 2, 10, 16] as const

const LOAD = 0x20
const JUMP_EQUAL = 0x15
const JUMP_AT_LEAST = 0x35
const RETURN = 0x06

const ALLOW = 0x7fff_0000
const REFUSE = 0x0005_0000
const EPERM = 1
const ENOSYS = 38
const EAFNOSUPPORT = 97

/** Offsets in `struct seccomp_data`; both architectures are little-endian. */
const NUMBER = 0
const ARCHITECTURE = 4
const FIRST_ARGUMENT = 16

type Instruction = { readonly code: number; readonly yes: number; readonly no: number; readonly value: number }

const load = (offset: number): Instruction => ({ code: LOAD, yes: 0, no: 0, value: offset })
const answer = (value: number): Instruction => ({ code: RETURN, yes: 0, no: 0, value })
const unless = (code: number, value: number, skip: number): Instruction => ({ code, yes: 0, no: skip, value })

/** The filter's instructions, in order. */
function seccompProgram(architecture: Architecture): readonly Instruction[] {
  const { audit, socketCalls, denied, foreignFrom } = TABLES[architecture]
  const families = FAMILIES.flatMap((family) => [unless(JUMP_EQUAL, family, 1), answer(ALLOW)])
  const socketCheck = [load(FIRST_ARGUMENT), ...families, answer(REFUSE | EAFNOSUPPORT)]
  return [
    load(ARCHITECTURE),
    { code: JUMP_EQUAL, yes: 1, no: 0, value: audit },
    answer(REFUSE | ENOSYS),
    load(NUMBER),
    ...(foreignFrom === undefined ? [] : [unless(JUMP_AT_LEAST, foreignFrom, 1), answer(REFUSE | ENOSYS)]),
    ...Object.values(denied).flatMap((call) => [unless(JUMP_EQUAL, call, 1), answer(REFUSE | EPERM)]),
    ...socketCalls.flatMap((call) => [unless(JUMP_EQUAL, call, socketCheck.length), ...socketCheck]),
    answer(ALLOW),
  ]
}

/** `struct sock_filter[]` as the kernel reads it. */
export function seccompFilter(architecture: Architecture): Buffer {
  const program = seccompProgram(architecture)
  const bytes = Buffer.alloc(program.length * 8)
  program.forEach(({ code, yes, no, value }, index) => {
    const at = index * 8
    bytes.writeUInt16LE(code, at)
    bytes.writeUInt8(yes, at + 2)
    bytes.writeUInt8(no, at + 3)
    bytes.writeUInt32LE(value >>> 0, at + 4)
  })
  return bytes
}

export const isFilterable = (architecture: string): architecture is Architecture => architecture in TABLES
