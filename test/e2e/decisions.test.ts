import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Fact, type RunId, type RunRecord, subjects, type WaitReason } from '../../packages/shared/src/index.ts'
import { type Fleet, startFleet } from '../../packages/testkit/src/fleet.ts'
import { has, settled } from '../../packages/testkit/src/fleet-waits.ts'
import { paidTwice, startGatedModel } from '../../packages/testkit/src/gated-model.ts'
import { processesOf } from '../../packages/testkit/src/leaks.ts'
import { runCommand } from './command-line.ts'
import { PHASES } from './plans.ts'
import { ALARM_SPEC, NOTES_SPEC, repositoryOf, SMALL_SERVICE } from './repositories.ts'

const delivered =
  (outcome: string, times = 1) =>
  (facts: readonly Fact[]) =>
    facts.filter((fact) => fact.type === 'run.delivered' && fact.data.outcome === outcome).length === times

/** The supervisor writes the record behind the worker's last word. */
const untilWaiting = (fleet: Fleet, runId: RunId, why: WaitReason) =>
  fleet.untilRecord(runId, (run) => run.state === 'waiting' && run.why === why)

/** Settles when its worker has beaten so often: once a second. */
async function beatsOf({ app }: Fleet, { runId, epoch }: Pick<RunRecord, 'runId' | 'epoch'>, times: number) {
  const beaten = Promise.withResolvers<void>()
  let heard = 0
  using _beats = app.subscribe(subjects.beat(runId, epoch), () => {
    heard += 1
    if (heard === times) beaten.resolve()
  })
  await beaten.promise
}

async function specfleet(fleet: Fleet, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand(args, fleet.cliEnv)
  expect(code, stderr).toBe(0)
  return stdout
}

test('an approval gate holds the run without a sandbox; rejected, the phase is done again; approved, it goes on', async () => {
  await using fleet = await startFleet()
  await using source = await repositoryOf(SMALL_SERVICE)
  const task = {
    kind: 'spec',
    specId: 'gated',
    text: NOTES_SPEC,
    source: { git: source.path },
    approval: ['requirements'],
  }
  const { runId } = await fleet.client.submit(task)
  await fleet.until('gated', delivered('awaiting-approval'))
  await untilWaiting(fleet, runId, 'approval')
  expect(await fleet.state('gated')).toMatchObject({ lifecycle: 'awaiting-approval', gate: 'requirements' })
  expect(processesOf(`/sandboxes/${runId}`)).toEqual([])

  await specfleet(fleet, 'reject', 'gated', '--reason', 'say more about storage')
  const again = await fleet.until('gated', delivered('awaiting-approval', 2))
  const started = again.filter((fact) => fact.type === 'phase.started' && fact.data.phase === 'requirements')
  expect(started.map(({ epoch }) => epoch)).toEqual([1, 2])
  expect(again.find((fact) => fact.type === 'spec.rejected')?.data.reason).toBe('say more about storage')

  await untilWaiting(fleet, runId, 'approval')
  await specfleet(fleet, 'approve', 'gated')
  const facts = await fleet.until('gated', settled)
  expect(facts.at(-1)?.data).toMatchObject({ outcome: 'done' })
  expect(facts.filter(({ type }) => type === 'run.lost')).toEqual([])
  expect(Object.keys((await fleet.state('gated')).results)).toEqual(PHASES)
  await fleet.endInOrder()
})

test('a paused run ends its turn, however long that takes, and keeps everything; resumed, it goes on from there', async () => {
  await using model = await startGatedModel()
  await using fleet = await startFleet({ env: { ...model.env, STOP_GRACE_MS: '500' } })
  await using source = await repositoryOf(SMALL_SERVICE)
  const gate = model.gate('paused', 3)
  const { runId } = await fleet.client.submit({
    kind: 'spec',
    specId: 'paused',
    text: NOTES_SPEC,
    source: { git: source.path },
  })
  await gate.reached
  expect(await specfleet(fleet, 'pause', 'paused')).toContain(`told to ${runId}`)
  await beatsOf(fleet, { runId, epoch: 1 }, 3)
  gate.open()
  await fleet.until('paused', delivered('paused'))
  await untilWaiting(fleet, runId, 'paused')
  await specfleet(fleet, 'resume', 'paused')
  const facts = await fleet.until('paused', settled)
  expect(facts.at(-1)).toMatchObject({ epoch: 2, data: { outcome: 'done' } })
  expect(facts.filter(({ type }) => type === 'run.lost')).toEqual([])
  expect(paidTwice(model.callsOf('paused'))).toBe(0)
  await fleet.endInOrder()
})

test('a run is steered, its spec is edited, and who watches the spec sees the plan that comes of it', async () => {
  await using model = await startGatedModel()
  await using fleet = await startFleet({ env: model.env })
  await using source = await repositoryOf(SMALL_SERVICE)
  const gate = model.gate('moving', 3)
  const { runId } = await fleet.client.submit({
    kind: 'spec',
    specId: 'moving',
    text: NOTES_SPEC,
    source: { git: source.path },
  })
  await gate.reached
  expect(await specfleet(fleet, 'steer', 'moving', 'mind the storage')).toContain(`told to ${runId}`)
  gate.open()
  const steered = has('agent.steered', ({ data }) => 'text' in data && data.text === 'mind the storage')
  expect(steered(await fleet.until('moving', settled))).toBe(true)

  const file = join(fleet.home, 'alarms.md')
  await writeFile(file, ALARM_SPEC)
  await specfleet(fleet, 'edit', 'moving', '--spec', file)
  const watched = await specfleet(fleet, 'watch', 'moving')
  expect(watched.match(/settled: done/g)).toHaveLength(2)
  const { results } = await fleet.state('moving')
  expect(Object.keys(results)).toEqual(PHASES)
  expect(results.requirements?.output.requirements.map(({ text }) => text).join()).toContain('80 degrees')
  await fleet.endInOrder()
})

test('a cancelled run ends even in the middle of a model call, and leaves nothing', async () => {
  await using model = await startGatedModel()
  await using fleet = await startFleet({ env: { ...model.env, STOP_GRACE_MS: '1000' } })
  await using source = await repositoryOf(SMALL_SERVICE)
  const gate = model.gate('cancelled', 3)
  await fleet.client.submit({ kind: 'spec', specId: 'cancelled', text: NOTES_SPEC, source: { git: source.path } })
  await gate.reached
  await specfleet(fleet, 'cancel', 'cancelled', '--reason', 'not needed')
  const facts = await fleet.until('cancelled', settled)
  expect(facts.at(-1)?.data).toMatchObject({ outcome: 'cancelled' })
  expect((await fleet.state('cancelled')).lifecycle).toBe('cancelled')
  await fleet.endInOrder()
  gate.open()
})

test('a run whose worker dies in every epoch is parked with the causes in order, and goes on by retry', async () => {
  await using model = await startGatedModel()
  await using fleet = await startFleet({ env: { ...model.env, ATTEMPT_LIMIT: '3' } })
  await using source = await repositoryOf(SMALL_SERVICE)
  const gate = model.gate('doomed', 1)
  const { runId } = await fleet.client.submit({
    kind: 'spec',
    specId: 'doomed',
    text: NOTES_SPEC,
    source: { git: source.path },
  })
  const signals = ['SIGKILL', 'SIGABRT', 'SIGKILL'] as const
  for (const [at, signal] of signals.entries()) {
    await fleet.until(
      'doomed',
      has('phase.started', ({ epoch }) => epoch === at + 1),
    )
    const { placement } = await fleet.placement(runId)
    process.kill(await fleet.workerOf(placement.sandboxId), signal)
  }
  const parked = (await fleet.until('doomed', has('run.parked'))).at(-1)
  expect(parked?.data).toMatchObject({
    causes: signals.map((signal) => ({ kind: 'killed', signal })),
    reason: 'it died 3 times in a row, last by killed (SIGKILL)',
  })
  const watched = await runCommand(['watch', 'doomed'], fleet.cliEnv)
  expect(watched.code).toBe(1)
  expect(watched.stderr).toContain('specfleet retry')

  gate.open()
  await specfleet(fleet, 'retry', 'doomed')
  const facts = await fleet.until('doomed', settled)
  expect(facts.at(-1)).toMatchObject({ epoch: 4, data: { outcome: 'done' } })
  const record = await fleet.untilRecord(runId, ({ state }) => state === 'settled')
  expect(record).toMatchObject({ causes: [{}, {}, {}] })
  await fleet.endInOrder()
})
