import { openLog as openFactLog, type Priority, parseFact, type TaskInput } from '@specfleet/shared'
import { expect, test } from 'vitest'
import { ScriptedEngine } from '../../packages/testkit/src/scripted-engine.ts'
import { deliver, type Script, workUntilTold } from '../../packages/testkit/src/scripted-worker.ts'
import { command, type Fleet, startFleet } from './orchestrator-fleet.ts'

const SLOTS = 8
/** A project with far more than its share, queued before everybody else's. */
const FLOOD = 'flood'
const SMALL = ['amber', 'birch', 'cedar', 'delta']
/** Worked on until told to end. */
const ENDLESS = ['endless-0', 'endless-1', 'endless-2', 'endless-3']

type Spec = { readonly id: string; readonly projectId: string; readonly priority: Priority }

const many = (count: number, name: string, projectId: string, priority: Priority): Spec[] =>
  Array.from({ length: count }, (_, n) => ({ id: `${name}-${n}`, projectId, priority }))

const SPECS: readonly Spec[] = [
  ...many(96, 'flood', FLOOD, 'normal'),
  ...SMALL.flatMap((project) => many(10, project, project, 'normal')),
  ...many(20, 'low', FLOOD, 'low'),
  ...many(40, 'high', 'urgent', 'high'),
  ...many(4, 'endless', 'endless', 'normal'),
]

test('two hundred specs on sixteen slots of two orchestrators all end as they should', {
  timeout: 120_000,
}, async () => {
  const watched = new Watched()
  await using fleet = await startFleet()
  await using engines = new AsyncDisposableStack()
  const engineOf = () => engines.use(watched.engine(fleet))
  const [firstEngine, secondEngine] = [engineOf(), engineOf()]
  // It has no slot: it takes orders, and everything waits.
  await fleet.join({ slots: 0 })
  for (const spec of SPECS) await fleet.submit(taskOf(spec))
  const [cancelled, paused] = [
    ['flood-90', 'cedar-9', 'low-19', 'high-39'],
    ['flood-91', 'amber-9', 'low-18', 'high-38'],
  ]
  for (const id of cancelled) expect(await fleet.api('command', command('cancel', id))).toMatchObject({ ok: true })
  for (const id of paused) expect(await fleet.api('command', command('pause', id))).toMatchObject({ ok: true })

  await using story = follow(fleet)
  const one = await fleet.join({ slots: SLOTS }, firstEngine)
  const two = await fleet.join({ slots: SLOTS }, secondEngine)
  await Promise.all(ENDLESS.map((id) => story.until(id, 'run.ready')))
  const [toCancel = '', toPause = '', ...others] = ENDLESS
  for (const id of [toCancel, ...others])
    expect(await fleet.api('command', command('cancel', id))).toMatchObject({ ok: true })
  expect(await fleet.api('command', command('pause', toPause))).toMatchObject({ ok: true })

  const held = new Set([...paused, toPause])
  await Promise.all(SPECS.filter(({ id }) => !held.has(id)).map(({ id }) => story.until(id, 'run.settled')))
  // What is held was not touched while everything else was done.
  for (const id of paused) expect(watched.startsOf(id)).toBe(0)
  expect(watched.startsOf(toPause)).toBe(1)
  watched.script.set(toPause, deliver)
  for (const id of held) expect(await fleet.api('command', command('resume', id))).toMatchObject({ ok: true })
  await Promise.all([...held].map((id) => story.until(id, 'run.settled')))

  for (const { id } of SPECS) {
    expect(story.count(id, 'run.claimed')).toBe(1)
    expect(story.outcomes(id)).toEqual([ENDLESS.includes(id) && id !== toPause ? 'cancelled' : expected(id, cancelled)])
    expect(watched.startsOf(id)).toBe(cancelled.includes(id) ? 0 : id === toPause ? 2 : 1)
  }
  for (const engine of [firstEngine, secondEngine]) expect(watched.most.get(engine)).toBeLessThanOrEqual(SLOTS)
  for (const { id } of [one, two]) expect(story.claimedBy(id)).toBeGreaterThan(SPECS.length / 10)

  const started = watched.started.flatMap((id) => SPECS.find((spec) => spec.id === id && !held.has(id)) ?? [])
  expectPriorities(started)
  expectFairness(started)
})

const expected = (id: string, cancelled: readonly string[]) => (cancelled.includes(id) ? 'cancelled' : 'done')

const taskOf = ({ id, projectId, priority }: Spec): TaskInput => ({
  kind: 'prompt',
  text: 'x',
  taskId: id,
  specId: id,
  projectId,
  priority,
})

/** Two decide side by side, and a start takes its time: what is exact for each is shifted by what is under way. */
const SLACK = 2 * SLOTS

function expectPriorities(started: readonly Spec[]): void {
  const placesOf = (priority: Priority) => started.flatMap((spec, at) => (spec.priority === priority ? [at] : []))
  const [high, normal, low] = [placesOf('high'), placesOf('normal'), placesOf('low')]
  // While high waits, normal and low get every tenth start each and no more.
  expect(high.at(-1)).toBeLessThan((high.length * 10) / 8 + SLACK)
  const gaps = low.map((at, index) => at - (low[index - 1] ?? -1))
  expect(Math.max(...gaps)).toBeLessThanOrEqual(10 + SLACK)
  const beforeLastNormal = low.filter((at) => at < (normal.at(-1) ?? 0))
  expect(beforeLastNormal.length).toBeLessThanOrEqual(started.length / 9)
}

function expectFairness(started: readonly Spec[]): void {
  const normal = started.filter(({ priority }) => priority === 'normal')
  const lastSmall = normal.findLastIndex(({ projectId }) => SMALL.includes(projectId))
  const flood = normal.slice(0, lastSmall).filter(({ projectId }) => projectId === FLOOD)
  // Ten each for the small ones: the one that queued 96 before them had hardly more by then.
  expect(flood.length).toBeLessThanOrEqual(10 + SLACK)
  const order = started.filter(({ projectId, priority }) => projectId === 'urgent' && priority === 'high')
  const places = order.map(({ id }) => Number(id.split('-')[1]))
  // In the order of the queue, but for those whose starts overtook each other.
  expect(places.every((place, index) => Math.abs(place - index) <= SLACK)).toBe(true)
}

/** What the engines of a fleet were asked for. */
class Watched {
  /** The spec of each sandbox that was started, in order. */
  readonly started: string[] = []
  /** Most sandboxes that an engine had alive at a time. */
  readonly most = new Map<ScriptedEngine, number>()
  /** What the next sandbox of a spec does; by default it delivers. */
  readonly script = new Map<string, Script>(ENDLESS.map((id) => [id, workUntilTold]))

  startsOf(id: string): number {
    return this.started.filter((started) => started === id).length
  }

  engine({ nats }: Fleet): ScriptedEngine {
    const engine: ScriptedEngine = new ScriptedEngine({
      busUrl: nats.url,
      scriptOf: ({ labels }) => {
        this.started.push(labels.specId)
        this.most.set(engine, Math.max(this.most.get(engine) ?? 0, engine.alive.length + 1))
        return this.script.get(labels.specId) ?? deliver
      },
    })
    return engine
  }
}

/** The whole log, by spec. */
function follow(fleet: Fleet) {
  const facts: { specId: string; type: string; outcome: unknown; owner: unknown }[] = []
  const waiting = new Set<() => void>()
  const stop = new AbortController()
  const of = (id: string, type: string) => facts.filter((fact) => fact.specId === id && fact.type === type)
  const following = (async () => {
    for await (const batch of openFactLog(fleet.bus).follow({ fromSeq: 1, signal: stop.signal })) {
      for (const entry of batch) {
        const parsed = parseFact(entry.value())
        if (parsed.kind !== 'fact') continue
        const { specId, type, data } = parsed.fact
        facts.push({ specId, type, outcome: Reflect.get(data, 'outcome'), owner: Reflect.get(data, 'owner') })
      }
      for (const look of [...waiting]) look()
    }
  })()
  return {
    count: (id: string, type: string) => of(id, type).length,
    outcomes: (id: string) => of(id, 'run.settled').map(({ outcome }) => outcome),
    claimedBy: (owner: string) => facts.filter((fact) => fact.type === 'run.claimed' && fact.owner === owner).length,
    until: (id: string, type: string) =>
      new Promise<void>((resolve) => {
        const look = () => {
          if (of(id, type).length === 0) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
      }),
    async [Symbol.asyncDispose]() {
      stop.abort()
      await following
    },
  }
}
