import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Architecture, isFilterable, seccompFilter } from './seccomp.ts'

const ALLOW = 0x7fff_0000
const errno = (number: number) => 0x0005_0000 | number
const AUDIT = { x64: 0xc000_003e, arm64: 0xc000_00b7 } as const

type Call = { audit: number; number: number; argument: number }

/** A classic BPF machine of the four instructions the filter uses, reading the encoded bytes. */
function run(filter: Buffer, { audit, number, argument }: Call): number {
  const data = Buffer.alloc(64)
  data.writeUInt32LE(number, 0)
  data.writeUInt32LE(audit, 4)
  data.writeBigUInt64LE(BigInt(argument), 16)
  let accumulator = 0
  for (let at = 0; at < filter.length; at += 8) {
    const value = filter.readUInt32LE(at + 4)
    const jump = (taken: boolean) => 8 * filter.readUInt8(taken ? at + 2 : at + 3)
    switch (filter.readUInt16LE(at)) {
      case 0x20:
        accumulator = data.readUInt32LE(value)
        break
      case 0x15:
        at += jump(accumulator === value)
        break
      case 0x35:
        at += jump(accumulator >= value)
        break
      case 0x06:
        return value
      default:
        throw new Error('an instruction the filter should not have')
    }
  }
  throw new Error('the program ran off its end')
}

describe.each(['x64', 'arm64'] as const)('seccomp filter of %s', (architecture: Architecture) => {
  const filter = seccompFilter(architecture)
  const audit = AUDIT[architecture]
  const sockets = architecture === 'x64' ? [41, 53] : [198, 199]
  const denied =
    architecture === 'x64'
      ? [248, 249, 250, 298, 321, 323, 425, 426, 427]
      : [217, 218, 219, 241, 280, 282, 425, 426, 427]

  it('refuses io_uring, key rings and the kernel programming calls', () => {
    for (const number of denied) expect(run(filter, { audit, number, argument: 0 })).toBe(errno(1))
  })

  it('lets sockets of four families through and no other', () => {
    fc.assert(
      fc.property(fc.constantFrom(...sockets), fc.integer({ min: 0, max: 64 }), (number, argument) => {
        const allowed = [1, 2, 10, 16].includes(argument)
        expect(run(filter, { audit, number, argument })).toBe(allowed ? ALLOW : errno(97))
      }),
    )
  })

  it('lets every other call of the native interface through', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 600 }), fc.nat(), (number, argument) => {
        fc.pre(!denied.includes(number) && !sockets.includes(number))
        expect(run(filter, { audit, number, argument })).toBe(ALLOW)
      }),
    )
  })

  it('refuses every call of another interface', () => {
    expect(run(filter, { audit: 0x4000_0003, number: 1, argument: 0 })).toBe(errno(38))
    if (architecture === 'x64') expect(run(filter, { audit, number: 0x4000_0001, argument: 0 })).toBe(errno(38))
  })
})

it('knows which machines it can filter', () => {
  expect(['x64', 'arm64', 'riscv64'].map(isFilterable)).toEqual([true, true, false])
})
