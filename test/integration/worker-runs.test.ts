import { createHash } from 'node:crypto'
import { encodePhaseContext, normalisePhase, PHASES, Sha256, subjects } from '@specfleet/shared'
import { callTool, replyByPlan, type ScriptedReply, sayText, startFakeMessagesApi } from '@specfleet/testkit'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { samplePlan } from '../../packages/shared/src/planning/sample-plan.fixture.ts'
import { type HostOptions, WorkerHost } from './worker-host.ts'
import { shippedWorker } from './worker-process.ts'
import { sampleSource } from './worker-source.ts'

/** The shipped worker as a process, with credentials of its own on a real server. */

let worker: Awaited<ReturnType<typeof shippedWorker>>
let source: Awaited<ReturnType<typeof sampleSource>>

beforeAll(async () => {
  worker = await shippedWorker()
  source = await sampleSource()
})
afterAll(() => worker[Symbol.asyncDispose]())

type Script = Parameters<typeof startFakeMessagesApi>[0]
const byPlan: Script = (request) => replyByPlan(samplePlan(), request)

async function host(script: Script, task: HostOptions['task'] = {}, blobs: HostOptions['blobs'] = new Map()) {
  const api = await startFakeMessagesApi(script)
  const started = await WorkerHost.start({ worker, api, source, blobs, task })
  onTestFinished(async () => {
    await started[Symbol.asyncDispose]()
    await api[Symbol.asyncDispose]()
  })
  return { host: started, api }
}

describe('a run', () => {
  it.each([
    ['phases', { SPEC_PHASE: 'explore' }, {}],
    [
      'prompt',
      { SPEC_PHASE: undefined, EXECUTION_MODE: 'exploration', REQUIRE_SPEC_SKILL: 'true' },
      { requireSpecSkill: true },
    ],
  ])('goes from the spec to its plan on the %s path', async (path, variables, task) => {
    const { host: fleet, api } = await host(byPlan, task)
    const process = await fleet.spawn(variables)
    expect(await process.exited).toEqual({ code: 0, signal: null, stderr: '' })
    const state = await fleet.state()
    expect(Object.keys(state.results).sort()).toEqual([...PHASES].sort())
    expect(state.refused.count).toBe(0)
    const facts = await fleet.facts()
    expect(facts.find(({ type }) => type === 'run.ready')?.data).toMatchObject({ path, bootMs: expect.any(Number) })
    expect(facts.at(-1)).toMatchObject({ type: 'run.delivered', data: { outcome: 'done' } })
    expect((await fleet.turns()).map(({ turn }) => turn)).toEqual(api.requests.map(({ nth }) => nth))
    await expect.poll(() => fleet.traces.map(({ type }) => type)).toContain('tool.returned')
    const injected = JSON.stringify(api.requests[0]?.body.system).includes('From a spec to a plan')
    expect(injected).toBe(path === 'prompt')
  })

  it('answers a plain prompt', async () => {
    const { host: fleet, api } = await host(
      ({ nth }) =>
        nth === 1 ? callTool(1, 'bash', { command: 'env | sort; git remote -v; cat package.json' }) : sayText('42'),
      { kind: 'prompt' },
    )
    const process = await fleet.spawn({ SPEC_PHASE: undefined })
    expect((await process.exited).code).toBe(0)
    expect((await fleet.facts()).at(-1)?.data).toMatchObject({ outcome: 'done', result: '42' })
    const seen = JSON.stringify(api.requests[1]?.body.messages)
    expect(seen).toContain('// package.json')
    expect(seen).not.toMatch(/BUS_|RUN_ID|NATS|SPEC_ID/)
  })

  it('waits for a person where the task says so, and goes on when it is run again', async () => {
    const { host: fleet } = await host(byPlan, { approval: ['requirements'] })
    const process = await fleet.spawn()
    expect((await process.exited).code).toBe(0)
    expect((await fleet.facts()).at(-1)?.data).toMatchObject({ outcome: 'awaiting-approval', phase: 'requirements' })
    await fleet.approve('requirements')
    expect((await (await fleet.spawn()).exited).code).toBe(0)
    expect((await fleet.facts()).at(-1)?.data).toMatchObject({ outcome: 'done' })
  })

  it('builds on outputs that came with its environment, as a blob where they are large', async () => {
    const explored = normalisePhase('explore', samplePlan().explore)
    if (!explored.ok) throw new Error(JSON.stringify(explored.faults))
    const bytes = Buffer.from(JSON.stringify({ explore: explored.output }))
    const sha256 = Sha256.parse(createHash('sha256').update(bytes).digest('hex'))
    const { host: fleet, api } = await host(byPlan, { phase: 'requirements' }, new Map([[sha256, bytes]]))
    const context = encodePhaseContext({ kind: 'blob', sha256, bytes: bytes.length })
    const process = await fleet.spawn({ SPEC_PHASE: 'requirements', PHASE_CONTEXT_B64: context })
    await api.received(1)
    expect(JSON.stringify(api.requests[0]?.body.messages)).toContain('<phase-output phase=\\"explore\\">')
    await process.end()
  })
})

describe('an incarnation that dies', () => {
  it('is followed by one that goes on from the last acknowledged turn', async () => {
    const { host: fleet, api } = await host(byPlan)
    const first = await fleet.spawn()
    await fleet.until('phase.evaluated', 2)
    first.kill('SIGKILL')
    expect(await first.exited).toMatchObject({ signal: 'SIGKILL' })
    const stored = (await fleet.turns()).length
    const asked = api.requests.length
    const second = await fleet.spawn()
    expect((await second.exited).code).toBe(0)
    expect(Object.keys((await fleet.state()).results)).toHaveLength(PHASES.length)
    expect(asked - stored).toBeLessThanOrEqual(1)
    expect(api.requests.length - (await fleet.turns()).length).toBeLessThanOrEqual(1)
  })

  it('drains on SIGTERM: it stores the turn and says so', async () => {
    const { host: fleet } = await host(byPlan)
    const process = await fleet.spawn()
    await fleet.until('phase.completed')
    process.kill('SIGTERM')
    expect((await process.exited).code).toBe(0)
    expect((await fleet.facts()).at(-1)).toMatchObject({ type: 'run.delivered', data: { outcome: 'drained' } })
  })
})

describe('control', () => {
  const order = (fleet: WorkerHost, message: object) => {
    const scope = { runId: fleet.runId, epoch: fleet.epoch }
    fleet.bus.publishJson(subjects.control(scope.runId, scope.epoch), { v: 1, ...message })
  }
  /** Looks again and again, as long as nobody says something. */
  const looking: Script = ({ nth }) => callTool(nth, 'read', { file_path: 'package.json' })

  it.each([
    ['pause', 'paused'],
    ['cancel', 'cancelled'],
  ])('%s is confirmed, stated and heeded', async (command, outcome) => {
    const { host: fleet } = await host(looking)
    const taken = new Promise((resolve) => {
      fleet.bus.subscribe(subjects.taken(fleet.runId, '*'), (message) => resolve(message.json()))
    })
    const process = await fleet.spawn()
    await fleet.until('phase.started')
    order(fleet, { id: 'order-1', command })
    expect(await taken).toEqual({ id: 'order-1' })
    expect((await process.exited).code).toBe(0)
    expect((await fleet.facts()).slice(-2)).toMatchObject([
      { type: 'agent.steered', data: { controlId: 'order-1', command } },
      { type: 'run.delivered', data: { outcome } },
    ])
  })

  it('a steer reaches the model with the next results', async () => {
    const heard = (body: unknown): ScriptedReply | undefined =>
      JSON.stringify(body).includes('mind the tests') ? sayText('Understood, I stop.') : undefined
    const { host: fleet } = await host((request) => heard(request.body) ?? looking(request), { kind: 'prompt' })
    const process = await fleet.spawn({ SPEC_PHASE: undefined })
    await fleet.until('run.ready')
    order(fleet, { id: 'steer-1', command: 'steer', text: 'mind the tests' })
    expect((await process.exited).code).toBe(0)
    const steered = (await fleet.facts()).filter(({ type }) => type === 'agent.steered')
    expect(steered).toMatchObject([{ data: { controlId: 'steer-1', text: 'mind the tests' } }])
  })
})
