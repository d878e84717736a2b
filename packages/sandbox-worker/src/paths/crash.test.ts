import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import {
  addUsage,
  Epoch,
  NO_USAGE,
  normaliseEarlier,
  PHASES,
  parseFact,
  ResumeState,
  RunId,
  resumePoint,
  SpecId,
  TurnRecord,
} from '@specfleet/shared'
import { type FakeMessagesApi, replyByPlan, startFakeMessagesApi } from '@specfleet/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { samplePlan } from '../../../shared/src/planning/sample-plan.fixture.ts'
import { RUN, SPEC, SpecLog } from '../../../shared/src/spec/spec-log.fixture.ts'
import type { Means } from '../agent/conversation.ts'
import { keptMeans } from '../agent/means.fixture.ts'
import type { Ending } from '../ending.ts'
import { type FactSink, FactsOut } from '../link/facts-out.ts'
import type { Run } from '../run.ts'
import { runPhases } from './phases.ts'
import { runPrompt } from './prompt.ts'

/**
 * The worker's paths against a peer that speaks the Messages API, the real fold of the log, and a world
 * that can end at any fact or turn. Each must lead to the same plan.
 */

const FILES = ['src/api/server.ts', 'src/stock.ts', 'package.json', 'test/stock.test.ts']
let workspace: string
let api: FakeMessagesApi

beforeAll(async () => {
  workspace = await mkdtemp(join(tmpdir(), 'specfleet-crash-'))
  for (const file of FILES) {
    await mkdir(dirname(join(workspace, file)), { recursive: true })
    await writeFile(join(workspace, file), `// ${file}\n`)
  }
  api = await startFakeMessagesApi((request) => replyByPlan(samplePlan(), request))
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
  await rm(workspace, { recursive: true, force: true })
})

const MAX_EPOCHS = 3
class Crash extends Error {}
type CrashPoint = { operation: number; side: 'before' | 'behind' }

/** What survives every incarnation: the log and the turns. */
class World {
  readonly log = new SpecLog()
  readonly turns: { epoch: number; seq: number; record: TurnRecord }[] = []
  operations = 0
  /** Which of them stored a turn. */
  readonly stores: number[] = []
  readonly #crash: CrashPoint | undefined
  readonly #path: 'phases' | 'prompt'

  constructor(path: 'phases' | 'prompt', crash?: CrashPoint) {
    this.#path = path
    this.#crash = crash
    this.log.submit('task-1', path === 'prompt' ? { requireSpecSkill: true } : {}).claim()
  }

  /** Runs epochs until one ends by itself. */
  async live(): Promise<Ending> {
    for (let epoch = 1; epoch <= MAX_EPOCHS; epoch++) {
      this.log.fence(RUN, this.turns.length)
      try {
        const run = this.#incarnation(epoch)
        return await (this.#path === 'phases' ? runPhases(run) : runPrompt(run))
      } catch (thrown) {
        if (!(thrown instanceof Crash)) throw thrown
      }
    }
    throw new Error('the run does not end')
  }

  /** Does what changes the world, unless it ends there. */
  #change(act: () => void): void {
    this.operations += 1
    const ends = this.#crash?.operation === this.operations
    if (ends && this.#crash?.side === 'before') throw new Crash()
    act()
    if (ends) throw new Crash()
  }

  #resume(): ResumeState {
    const point = resumePoint(this.log.state, RunId.parse(RUN))
    if (point === undefined) throw new Error('the log does not know the run')
    const counted = this.turns.filter(({ epoch, seq }) => seq <= (point.turnLimits.get(epoch) ?? Infinity))
    return ResumeState.parse({
      v: 1,
      task: {
        kind: 'spec',
        title: 'Orders',
        text: '# Orders',
        model: 'fake-model',
        executionMode: 'exploration',
        requireSpecSkill: this.#path === 'prompt',
        selectedSkill: 'spec-driven-dev',
        approval: 'auto',
        budget: {},
      },
      phase: point.phase,
      failedAttempts: point.failedAttempts,
      outputs: JSON.parse(JSON.stringify(point.outputs)),
      turns: counted.map(({ record }) => record).filter(({ conversation }) => conversation === point.conversation),
      turnsSoFar: Math.max(0, ...counted.map(({ record }) => record.turn)),
      usage: counted.reduce((sum, { record }) => addUsage(sum, record.usage), NO_USAGE),
      source: null,
      upstream: 'fake',
    })
  }

  #incarnation(epoch: number): Run {
    const resume = this.#resume()
    const earlier = normaliseEarlier(resume.outputs)
    if (!earlier.ok) throw new Error(JSON.stringify(earlier.faults))
    const kept = keptMeans(api.url)
    const scope = { ...kept.link.scope, specId: SpecId.parse(SPEC), runId: RunId.parse(RUN), epoch: Epoch.parse(epoch) }
    const sink: FactSink = {
      append: async (envelope) => {
        const parsed = parseFact(JSON.parse(JSON.stringify(envelope)))
        if (parsed.kind !== 'fact') throw new Error(`the log would refuse ${JSON.stringify(parsed)}`)
        this.#change(() => this.log.append(parsed.fact))
        return { seq: this.log.facts.length, duplicate: false }
      },
    }
    const facts = new FactsOut(sink, { scope, now: kept.clock.now, signal: kept.life })
    kept.tally.add({ ...resume.usage, turns: resume.turnsSoFar })
    const means: Means = {
      ...kept,
      link: { ...kept.link, scope, state: (fact) => facts.state(fact) },
      store: async (record) => {
        const copy = TurnRecord.parse(JSON.parse(JSON.stringify(record)))
        this.stores.push(this.operations + 1)
        this.#change(() => this.turns.push({ epoch, seq: this.turns.length + 1, record: copy }))
      },
    }
    return {
      resume,
      firstPhase: 'explore',
      earlier: earlier.output,
      workspace: { root: workspace, files: FILES.length, entries: FILES },
      toolEnv: { PATH: process.env.PATH ?? '' },
      means,
    }
  }
}

const PATHS = ['phases', 'prompt'] as const

describe.each(PATHS)('the %s path', (path) => {
  async function undisturbed() {
    const before = api.requests.length
    const world = new World(path)
    const ending = await world.live()
    return { world, ending, calls: api.requests.length - before }
  }

  it('brings a spec to its plan, with a second attempt where the first fails', async () => {
    const { world, ending } = await undisturbed()
    expect(ending).toEqual({ kind: 'delivered', outcome: 'done' })
    const { results, refused } = world.log.spec
    expect(Object.keys(results).sort()).toEqual([...PHASES].sort())
    expect(results.design).toMatchObject({ attempts: 2 })
    expect(refused.count).toBe(0)
    expect(world.turns.map(({ record }) => record.turn)).toEqual(world.turns.map((_, at) => at + 1))
  })

  it('comes to the same plan through a crash at any point, and pays at most one turn twice', async () => {
    const calm = await undisturbed()
    for (let operation = 1; operation <= calm.world.operations; operation++) {
      for (const side of ['before', 'behind'] as const) {
        const where = `${side} operation ${operation}`
        const before = api.requests.length
        const world = new World(path, { operation, side })
        const ending = await world.live()
        expect(ending, where).toEqual(calm.ending)
        expect(plan(world), where).toEqual(plan(calm.world))
        expect(world.log.spec.refused.count, where).toBe(0)
        const calls = api.requests.length - before
        const isLostTurn = side === 'before' && isStore(calm.world, operation)
        expect(calls - calm.calls, where).toBe(isLostTurn ? 1 : 0)
      }
    }
  }, 60_000)
})

/** What must not depend on how often a run died on its way. */
function plan({ log: { spec }, turns }: World) {
  const results = Object.entries(spec.results).map(([phase, result]) => {
    const { output, score, attempts, usage } = result
    return { phase, output, score, attempts, usage }
  })
  return { results, lifecycle: spec.lifecycle, tickets: Object.keys(spec.tickets).sort(), turns: turns.length }
}

const isStore = (world: World, operation: number): boolean => world.stores.includes(operation)
