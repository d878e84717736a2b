import { type Fact, listDead, openTaskQueue, subjects, type TaskInput } from '@specfleet/shared'
import { expect, test } from 'vitest'
import { parsePolicy } from '../../packages/orchestrator/src/engines/policy.ts'
import { ScriptedEngine } from '../../packages/testkit/src/scripted-engine.ts'
import { deliver, type Script } from '../../packages/testkit/src/scripted-worker.ts'
import { type Fleet, startFleet } from './orchestrator-fleet.ts'

/** An engine that counts how many of its sandboxes are at work at a time. */
function engineOf(fleet: Fleet, name: string, options: { images?: boolean; script?: Script } = {}) {
  const { images = false, script = deliver } = options
  const counts = { now: 0, most: 0 }
  const counted: Script = async (worker) => {
    counts.now += 1
    counts.most = Math.max(counts.most, counts.now)
    try {
      return await script(worker)
    } finally {
      counts.now -= 1
    }
  }
  const busUrl = fleet.nats.url
  const engine = new ScriptedEngine({ busUrl, name, engine: `${name}:here`, images, scriptOf: () => counted })
  return Object.assign(engine, { counts })
}

const task = (id: string, more: Partial<TaskInput> = {}): TaskInput => ({
  kind: 'prompt',
  text: id,
  taskId: id,
  specId: id,
  ...more,
})

/** Resolves with the first line of that name whose fields match, past or to come. */
function logged(fleet: Fleet, event: string, fields: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
  const matches = (line: Record<string, unknown>) =>
    line.event === event && Object.entries(fields).every(([name, value]) => line[name] === value)
  return new Promise((resolve) => {
    fleet.onLog((line) => (matches(line) ? resolve(line) : undefined))
    const past = fleet.logged.find(matches)
    if (past !== undefined) resolve(past)
  })
}

const providersOf = (facts: readonly Fact[]) =>
  facts.flatMap((fact) => (fact.type === 'run.spawned' ? fact.data.provider : []))

async function runRecords(fleet: Fleet): Promise<Record<string, unknown>[]> {
  const { runs } = await fleet.api('list', { what: 'runs' })
  return Array.isArray(runs) ? runs : []
}

const SICK = { engine: 'docker:here', reason: expect.stringMatching(/no-space: the disk is full/) }

/** A worker that beats until it may deliver. */
const waitingFor =
  (finish: Promise<void>): Script =>
  async (worker) => {
    worker.beat()
    await finish
    return deliver(worker)
  }

test('what the first engine has no place for goes to the next, and none has more than its slots', async () => {
  const finish = Promise.withResolvers<void>()
  await using fleet = await startFleet()
  const script = waitingFor(finish.promise)
  await using docker = engineOf(fleet, 'docker', { script })
  await using processes = engineOf(fleet, 'process', { script })
  const providerSlots = new Map([
    ['docker', 1],
    ['process', 2],
  ])
  await fleet.join({ providerSlots }, [docker, processes])
  const ids = ['a', 'b', 'c', 'd', 'e', 'f']
  for (const id of ids) await fleet.submit(task(id))
  await Promise.all(['a', 'b', 'c'].map((id) => fleet.factsOf(id).until('run.spawned')))
  expect(docker.requests).toHaveLength(1)
  expect(processes.requests).toHaveLength(2)
  finish.resolve()
  for (const id of ids) expect((await fleet.factsOf(id).until('run.settled')).data.outcome).toBe('done')
  expect(docker.counts.most).toBe(1)
  expect(processes.counts.most).toBeLessThanOrEqual(2)
})

test('a task, its project and its kind choose, in this order', async () => {
  const policy = parsePolicy(
    JSON.stringify({
      images: ['tools:1'],
      ceiling: { memoryMb: 2048 },
      kinds: { prompt: { provider: 'process', limits: { memoryMb: 512, cpus: 2 } } },
      projects: { acme: { provider: 'docker', image: 'acme:1', limits: { memoryMb: 1024 } } },
    }),
  )
  await using fleet = await startFleet()
  await using docker = engineOf(fleet, 'docker', { images: true })
  await using processes = engineOf(fleet, 'process')
  await fleet.join({ policy }, [docker, processes])
  const cases: [TaskInput, ScriptedEngine, Record<string, unknown>][] = [
    [task('by-kind'), processes, { limits: { memoryMb: 512, cpus: 2 } }],
    [task('by-project', { projectId: 'acme' }), docker, { image: 'acme:1', limits: { memoryMb: 1024, cpus: 2 } }],
    [
      task('by-task', { provider: 'docker', image: 'tools:1', limits: { memoryMb: 2048, cpus: 0.5 } }),
      docker,
      { image: 'tools:1', limits: { memoryMb: 2048, cpus: 0.5 } },
    ],
  ]
  for (const [asked, engine, got] of cases) {
    const specId = await fleet.submit(asked)
    await fleet.factsOf(specId).until('run.settled')
    expect(engine.requests.find(({ labels }) => labels.specId === specId)).toMatchObject(got)
  }
})

test('what is queued for a sick engine waits at no cost, and the other goes on', async () => {
  await using fleet = await startFleet()
  await using docker = engineOf(fleet, 'docker')
  await using processes = engineOf(fleet, 'process')
  docker.failure = { kind: 'failed', code: 'provider.no-space', message: 'the disk is full', retryable: true }
  const one = await fleet.join({ slots: 2 }, [docker, processes])
  const parked = ['a', 'b', 'c', 'd']
  for (const id of parked) await fleet.submit(task(id, { provider: 'docker' }))
  await logged(fleet, 'engine.sick', { provider: 'docker' })
  for (const id of ['e', 'f', 'g']) {
    await fleet.submit(task(id, { provider: 'process' }))
    expect((await fleet.factsOf(id).until('run.settled')).data.outcome).toBe('done')
  }
  const { orchestrators } = await fleet.api('list', { what: 'orchestrators' })
  expect(orchestrators).toMatchObject([{ id: one.id, engines: ['docker:here', 'process:here'], sick: [SICK] }])
  docker.failure = undefined
  for (const id of parked) expect((await fleet.factsOf(id).until('run.settled')).data.outcome).toBe('done')
  await logged(fleet, 'engine.well', { provider: 'docker' })
  for (const { failures } of await runRecords(fleet)) expect(failures).toBe(0)
})

test('what any engine may run leaves a sick one for the next, and comes to no harm', async () => {
  await using fleet = await startFleet()
  await using docker = engineOf(fleet, 'docker')
  await using processes = engineOf(fleet, 'process')
  docker.failure = { kind: 'failed', code: 'provider.refused', message: 'not today', retryable: false }
  await fleet.join({ breaker: { firstMs: 60_000, longestMs: 60_000, quotaMs: 60_000 } }, [docker, processes])
  const first = fleet.factsOf(await fleet.submit(task('a')))
  expect((await first.until('run.settled')).data.outcome).toBe('done')
  expect((await first.until('run.lost')).data.cause).toEqual({
    kind: 'provider-error',
    code: 'provider.refused',
    retryable: false,
  })
  expect(providersOf(first.all)).toEqual(['process'])
  const second = fleet.factsOf(await fleet.submit(task('b')))
  await second.until('run.settled')
  expect(second.types()).not.toContain('run.lost')
  expect(docker.requests).toHaveLength(1)
  for (const { failures } of await runRecords(fleet)) expect(failures).toBe(0)
})

test('an engine that cannot be reached loses nothing that runs there, and is given nothing until it is back', async () => {
  const finish = Promise.withResolvers<void>()
  await using fleet = await startFleet()
  await using docker = engineOf(fleet, 'docker', { script: waitingFor(finish.promise) })
  await using processes = engineOf(fleet, 'process')
  await fleet.join({}, [docker, processes])
  const running = fleet.factsOf(await fleet.submit(task('running', { provider: 'docker' })))
  await running.until('run.spawned')
  docker.away = true
  const waiting = fleet.factsOf(await fleet.submit(task('waiting', { provider: 'docker' })))
  const sick = await logged(fleet, 'engine.sick', { provider: 'docker' })
  expect(sick.reason).toMatch(/cannot be reached/)
  const other = fleet.factsOf(await fleet.submit(task('other')))
  expect((await other.until('run.settled')).data.outcome).toBe('done')
  expect(providersOf(other.all)).toEqual(['process'])
  finish.resolve()
  docker.comeBack()
  await logged(fleet, 'engine.well', { provider: 'docker' })
  expect((await running.until('run.settled')).data.outcome).toBe('done')
  expect((await waiting.until('run.settled')).data.outcome).toBe('done')
  expect(running.types()).not.toContain('run.lost')
})

test('an heir that reaches the same engines takes over what runs on each of them', async () => {
  const finish = Promise.withResolvers<void>()
  await using fleet = await startFleet()
  const script = waitingFor(finish.promise)
  await using docker = engineOf(fleet, 'docker', { script })
  await using processes = engineOf(fleet, 'process', { script })
  const owner = await fleet.join({}, [docker, processes])
  const all = [
    fleet.factsOf(await fleet.submit(task('a', { provider: 'docker' }))),
    fleet.factsOf(await fleet.submit(task('b', { provider: 'process' }))),
  ]
  for (const facts of all) await facts.until('run.spawned')
  const heir = await fleet.join({}, [processes, docker])
  await owner[Symbol.asyncDispose]()
  for (const facts of all) expect((await facts.until('run.adopted')).data).toEqual({ from: owner.id, to: heir.id })
  finish.resolve()
  for (const facts of all) expect((await facts.until('run.settled')).data.outcome).toBe('done')
  expect([docker.requests.length, processes.requests.length]).toEqual([1, 1])
})

test('a task that asks for what it may not have is refused, with what it may', async () => {
  await using fleet = await startFleet()
  await using docker = engineOf(fleet, 'docker', { images: true })
  await fleet.join({}, docker)
  const queue = await openTaskQueue(fleet.bus)
  const asked: [TaskInput, string, RegExp][] = [
    [task('image', { image: 'evil:1' }), 'task.not-allowed', /image "evil:1"/],
    [task('memory', { limits: { memoryMb: 100_000 } }), 'task.not-allowed', /100000 memoryMb, and may have 256/],
    [task('provider', { provider: 'daytona' }), 'provider.unknown', /"daytona"/],
  ]
  for (const [index, [wanted, code, said]] of asked.entries()) {
    const answer = await fleet.api('submit', wanted)
    expect(answer).toMatchObject({ ok: false, error: { code, message: expect.stringMatching(said) } })
    await queue.publish(subjects.task('normal', 'prompt'), JSON.stringify(wanted))
    await logged(fleet, 'task.handled', { seq: index + 1, outcome: 'refused' })
    const [letter] = await listDead(fleet.bus, { limit: 1 })
    expect(letter).toMatchObject({ reason: code.replaceAll('.', '-'), error: { code } })
  }
  expect(docker.requests).toEqual([])
})

test('a policy that names what this host does not have keeps an orchestrator from starting', async () => {
  await using fleet = await startFleet()
  await using processes = engineOf(fleet, 'process')
  const policy = parsePolicy('{"projects": {"acme": {"provider": "docker"}}}')
  await expect(fleet.join({ policy }, processes)).rejects.toMatchObject({
    code: 'config.invalid',
    message: expect.stringMatching(/SPECFLEET_POLICY: projects.acme names provider "docker"/),
  })
})
