import { type Task, TaskInput, withIds } from '@specfleet/shared'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  imageOf,
  limitsFor,
  longestMinutes,
  NO_POLICY,
  parsePolicy,
  requireAllowed,
  requireServed,
  wishOf,
} from './policy.ts'

const fleet = { memoryMb: 1024, diskMb: 1024, cpus: 1, pids: 256, wallClockMinutes: 120, outputMb: 64 }
const both = [
  { provider: 'docker', images: true },
  { provider: 'process', images: false },
]
const task = (more: Partial<TaskInput> = {}): Task =>
  withIds(TaskInput.parse({ kind: 'prompt', text: 'x', taskId: 'task', ...more }), () =>
    expect.unreachable('the task has an id'),
  )
const policyOf = (value: unknown) => parsePolicy(JSON.stringify(value))
const ask = (policy: unknown, more: Partial<TaskInput>, offers = both) =>
  requireAllowed({ policy: policyOf(policy), limits: fleet, offers }, task(more))

const SAMPLE = {
  ceiling: { memoryMb: 4096 },
  images: ['tools:1'],
  kinds: {
    prompt: { provider: 'process', limits: { memoryMb: 512, minutes: 10 } },
    spec: { image: 'specs:1' },
  },
  projects: { acme: { provider: 'docker', image: 'acme:1', limits: { memoryMb: 2048 } }, loose: { provider: 'auto' } },
}

describe('what a run gets', () => {
  test('is said by its task, else its project, else its kind, else the fleet', () => {
    const policy = policyOf(SAMPLE)
    expect(wishOf(NO_POLICY, task())).toEqual({ provider: undefined, image: false })
    expect(wishOf(policy, task())).toEqual({ provider: 'process', image: false })
    expect(wishOf(policy, task({ projectId: 'acme' }))).toEqual({ provider: 'docker', image: true })
    expect(wishOf(policy, task({ projectId: 'loose' })).provider).toBeUndefined()
    expect(wishOf(policy, task({ provider: 'auto' })).provider).toBeUndefined()
    expect(imageOf(policy, task({ kind: 'spec', projectId: 'acme' }))).toBe('acme:1')
    expect(imageOf(policy, task({ kind: 'spec' }))).toBe('specs:1')
    expect(imageOf(policy, task({ projectId: 'acme', image: 'tools:1' }))).toBe('tools:1')
  })

  test('adds up of limits, each from the most particular that names it', () => {
    const policy = policyOf(SAMPLE)
    expect(limitsFor(policy, fleet, task())).toEqual({ ...fleet, memoryMb: 512, wallClockMinutes: 10 })
    expect(limitsFor(policy, fleet, task({ projectId: 'acme', limits: { cpus: 0.5 } }))).toEqual({
      ...fleet,
      memoryMb: 2048,
      wallClockMinutes: 10,
      cpus: 0.5,
    })
    expect(limitsFor(policy, fleet, task({ limits: { memoryMb: 3000 } })).memoryMb).toBe(3000)
    expect(longestMinutes(policyOf({ projects: { a: { limits: { minutes: 600 } } } }), fleet)).toBe(600)
  })

  test('is nothing that nobody wrote, whatever the project is called', () => {
    for (const projectId of ['constructor', 'toString', '__proto__'])
      expect(limitsFor(NO_POLICY, fleet, task({ projectId }))).toEqual(fleet)
  })

  test('never is more than what may be asked for, whatever the task asks', () => {
    const amount = fc.integer({ min: 64, max: 100_000 })
    fc.assert(
      fc.property(amount, fc.option(amount, { nil: undefined }), (memoryMb, ceiling) => {
        const policy = policyOf({ ceiling: ceiling === undefined ? {} : { memoryMb: ceiling } })
        const asked = task({ limits: { memoryMb } })
        const most = ceiling ?? fleet.memoryMb
        expect(limitsFor(policy, fleet, asked).memoryMb).toBe(Math.min(memoryMb, most))
        const check = () => requireAllowed({ policy, limits: fleet, offers: both }, asked)
        if (memoryMb > most) expect(check).toThrow(/may have/)
        else expect(check).not.toThrow()
      }),
    )
  })
})

describe('a task is refused', () => {
  test('that asks for a provider which is not there', () => {
    expect(() => ask({}, { provider: 'daytona' })).toThrow(/"daytona", and this fleet has "docker", "process"/)
  })

  test('that asks for an image which nobody allowed', () => {
    expect(() => ask({}, { image: 'evil:1' })).toThrow(/asks for image "evil:1"/)
    expect(() => ask(SAMPLE, { image: 'acme:1' })).toThrow(/asks for image "acme:1"/)
    expect(() => ask(SAMPLE, { image: 'tools:1', provider: 'auto' })).not.toThrow()
    expect(() => ask(SAMPLE, { image: 'acme:1', projectId: 'acme' })).not.toThrow()
  })

  test('that asks for an image where none can be had', () => {
    expect(() => ask(SAMPLE, { image: 'tools:1', provider: 'process' })).toThrow(/process takes none/)
    expect(() => ask({ images: ['tools:1'] }, { image: 'tools:1' }, [{ provider: 'process', images: false }])).toThrow(
      /no engine here takes one/,
    )
  })

  test('that asks for more than it may have, with what that is', () => {
    expect(() => ask({}, { limits: { minutes: 121 } })).toThrow(/121 minutes, and may have 120/)
    expect(() => ask(SAMPLE, { limits: { memoryMb: 4097 } })).toThrow(/4097 memoryMb, and may have 4096/)
    expect(() => ask(SAMPLE, { limits: { minutes: 11 } })).toThrow(/11 minutes, and may have 10/)
  })
})

describe('a policy is refused', () => {
  test.each([
    ['no JSON', '{', /no JSON/],
    ['a field that nobody knows', '{"kind": {}}', /kind/],
    ['a kind that nobody knows', '{"kinds": {"dream": {}}}', /dream/],
    ['a limit below what a worker needs', '{"ceiling": {"memoryMb": 1}}', /ceiling.memoryMb/],
  ])('with %s', (_, text, said) => {
    expect(() => parsePolicy(text)).toThrow(said)
  })

  test('that names what this host does not have', () => {
    const serve = (policy: unknown, offers = both) => requireServed({ policy: policyOf(policy), limits: fleet, offers })
    expect(() => serve(SAMPLE)).not.toThrow()
    expect(() => serve({ projects: { acme: { provider: 'daytona' } } })).toThrow(
      /SPECFLEET_POLICY: projects.acme names provider "daytona"/,
    )
    expect(() => serve({ kinds: { spec: { provider: 'process', image: 'a' } } })).toThrow(/kinds.spec names image "a"/)
    expect(() => serve(SAMPLE, both.slice(1))).toThrow(/projects.acme/)
  })
})
