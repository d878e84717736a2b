import type { RunRecord } from '@specfleet/shared'
import { OrchestratorId, PRIORITIES, type Priority, RunId, TaskInput, withIds } from '@specfleet/shared'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { claimOf } from '../intake/admission.ts'
import { Backlog } from './backlog.ts'
import { claimedBy, over } from './transitions.ts'
import type { QueuedRecord, QueuedRun } from './world.ts'

const ME = OrchestratorId.parse('me')
const stamp = { now: new Date(0), foldedTo: 0 }
const NONE = { inHand: new Set<RunId>(), mayStart: () => true }

type Waiting = { projectId: string; priority: Priority }
function queued({ projectId, priority }: Waiting, place: number): QueuedRecord {
  const input = { kind: 'prompt', text: 'x', taskId: `r${place}`, projectId, priority } as const
  return claimOf(
    withIds(TaskInput.parse(input), () => expect.unreachable('it has an id')),
    null,
    place,
    stamp.now,
  )
}

/** Slots of one fleet: what is next starts, and ends when it is told to. */
class Fleet {
  readonly backlog = new Backlog()
  readonly records = new Map<string, QueuedRecord>()
  readonly running: RunRecord[] = []
  readonly started: QueuedRun[] = []
  #places = 0

  submit(...tasks: Waiting[]): void {
    for (const task of tasks) {
      this.#places += 1
      const run = queued(task, this.#places)
      this.records.set(run.runId, run)
      this.backlog.saw(run)
    }
  }

  start(most: number): QueuedRun[] {
    const next = this.backlog.next(most, NONE)
    for (const run of next) {
      const record = this.records.get(run.runId) ?? expect.unreachable('it was submitted')
      const claimed = claimedBy(record, ME, stamp)
      this.backlog.saw(claimed)
      this.running.push(claimed)
      this.started.push(run)
    }
    return next
  }

  end(index: number): void {
    const [run] = this.running.splice(index % this.running.length, 1)
    if (run?.state !== 'claimed') return
    this.backlog.saw(over(run, { kind: 'settle', outcome: 'done', reason: undefined }, stamp))
  }

  holding(project: string): number {
    return this.running.filter(({ task }) => task.projectId === project).length
  }

  waits(project: string, priority: Priority): boolean {
    const waiting = [...this.backlog.all()]
    return waiting.some((run) => run.projectId === project && run.priority === priority)
  }

  /** One slot, until nothing waits. */
  one(): void {
    while (this.start(1).length > 0) this.end(0)
  }
}

const projects = ['a', 'b', 'c']
const someTask = fc.record({ projectId: fc.constantFrom(...projects), priority: fc.constantFrom(...PRIORITIES) })
const manyOf = (count: number, task: Waiting) => Array.from({ length: count }, () => task)
const normal = (projectId: string): Waiting => ({ projectId, priority: 'normal' })

describe('priorities', () => {
  test('high goes before normal and normal before low', () => {
    const fleet = new Fleet()
    const priorities = ['low', 'normal', 'high', 'normal', 'high'] as const
    fleet.submit(...priorities.map((priority) => ({ projectId: 'a', priority })))
    fleet.one()
    expect(fleet.started.map(({ priority }) => priority)).toEqual(['high', 'high', 'normal', 'normal', 'low'])
  })

  test('of any ten starts in a row one is low, while low waits, however many slots there are', () => {
    fc.assert(
      fc.property(
        fc.array(someTask, { maxLength: 30 }),
        fc.array(fc.integer({ min: 1, max: 16 }), { minLength: 60, maxLength: 60 }),
        (others, slots) => {
          const fleet = new Fleet()
          fleet.submit(...manyOf(200, { projectId: 'flood', priority: 'high' }))
          fleet.submit(...manyOf(30, { projectId: 'patient', priority: 'low' }), ...others)
          for (const free of slots) {
            fleet.start(free)
            while (fleet.running.length > 0) fleet.end(0)
          }
          const lastLow = fleet.started.findLastIndex(({ priority }) => priority === 'low')
          for (let from = 0; from + 10 <= lastLow; from += 1)
            expect(fleet.started.slice(from, from + 10).map(({ priority }) => priority)).toContain('low')
        },
      ),
    )
  })

  test('of any eleven one is normal, while normal waits', () => {
    const fleet = new Fleet()
    for (const priority of PRIORITIES) fleet.submit(...manyOf(100, { projectId: 'a', priority }))
    for (let n = 0; n < 100; n += 1) {
      fleet.start(1)
      fleet.end(0)
    }
    const started = fleet.started.map(({ priority }) => priority)
    for (let from = 0; from + 11 <= started.length; from += 1)
      expect(started.slice(from, from + 11)).toContain('normal')
  })
})

describe('projects', () => {
  test('who queues ten thousand makes nobody else wait for more than a turn', () => {
    const fleet = new Fleet()
    fleet.submit(...manyOf(10_000, normal('flood')), ...manyOf(3, normal('small')))
    for (let n = 0; n < 6; n += 1) {
      fleet.start(1)
      fleet.end(0)
    }
    expect(fleet.started.map(({ projectId }) => projectId)).toEqual([
      'flood',
      'small',
      'flood',
      'small',
      'flood',
      'small',
    ])
  })

  test('share sixteen slots by max-min fairness', () => {
    const fleet = new Fleet()
    fleet.submit(...manyOf(100, normal('a')), ...manyOf(100, normal('b')), ...manyOf(2, normal('c')))
    fleet.start(16)
    expect(projects.map((project) => fleet.holding(project))).toEqual([7, 7, 2])
  })

  test('never is one given a slot while another that waits for the same priority has fewer', () => {
    const steps = fc.array(
      fc.oneof(
        fc.record({ submit: fc.array(someTask, { minLength: 1, maxLength: 12 }) }),
        fc.record({ end: fc.nat(15) }),
        fc.record({ start: fc.constant(1) }),
      ),
      { maxLength: 60 },
    )
    fc.assert(
      fc.property(steps, (all) => {
        const fleet = new Fleet()
        for (const step of all) {
          if ('submit' in step) fleet.submit(...step.submit)
          else if ('end' in step) fleet.end(step.end)
          else if (fleet.running.length < 16) {
            const held = new Map(projects.map((project) => [project, fleet.holding(project)]))
            const [run] = fleet.start(1)
            if (run === undefined) continue
            for (const project of projects)
              if (fleet.waits(project, run.priority))
                expect(held.get(run.projectId)).toBeLessThanOrEqual(held.get(project) ?? 0)
          }
        }
      }),
    )
  })

  test('one that submits again as soon as it was served waits for its next turn', () => {
    const fleet = new Fleet()
    fleet.submit(normal('eager'), ...manyOf(5, normal('other')))
    for (let n = 0; n < 8; n += 1) {
      const [run] = fleet.start(1)
      if (run?.projectId === 'eager') fleet.submit(normal('eager'))
      fleet.end(0)
    }
    expect(fleet.started.filter(({ projectId }) => projectId === 'other')).toHaveLength(4)
  })

  test('within one the order of the queue holds, whatever the order in which it came to be known', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([...Array(20).keys()], { minLength: 20 }), (order) => {
        const backlog = new Backlog()
        for (const place of order) backlog.saw(queued(normal('a'), place))
        expect(backlog.next(20, NONE).map(({ place }) => place)).toEqual([...Array(20).keys()])
      }),
    )
  })
})

test('who is held keeps the place, and is passed over', () => {
  const fleet = new Fleet()
  fleet.submit(normal('a'), normal('a'))
  const held = RunId.parse('r1')
  const next = fleet.backlog.next(2, { inHand: new Set(), mayStart: ({ runId }) => runId !== held })
  expect(next.map(({ runId }) => runId)).toEqual(['r2'])
  expect(fleet.backlog.next(1, NONE).map(({ runId }) => runId)).toEqual(['r1'])
})

test('who is on the way into a slot counts as served, and is not chosen again', () => {
  const fleet = new Fleet()
  fleet.submit(normal('a'), normal('a'), normal('b'))
  const inHand = new Set([RunId.parse('r1')])
  expect(fleet.backlog.next(2, { ...NONE, inHand }).map(({ runId }) => runId)).toEqual(['r3', 'r2'])
})

test('nothing is left of those that have gone', () => {
  const fleet = new Fleet()
  fleet.submit(normal('a'), normal('b'))
  fleet.backlog.gone(RunId.parse('r1'))
  expect([...fleet.backlog.all()].map(({ runId }) => runId)).toEqual(['r2'])
  expect(fleet.backlog.size('normal')).toBe(1)
  fleet.one()
  expect(fleet.backlog.size('normal')).toBe(0)
  expect(fleet.backlog.next(1, NONE)).toEqual([])
})
