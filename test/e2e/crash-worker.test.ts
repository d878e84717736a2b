import { expect, test } from 'vitest'
import { readTurns } from '../../packages/shared/src/index.ts'
import { startFleet } from '../../packages/testkit/src/fleet.ts'
import { settled } from '../../packages/testkit/src/fleet-waits.ts'
import { paidTwice, startGatedModel } from '../../packages/testkit/src/gated-model.ts'
import { planOf } from './plans.ts'
import { NOTES_SPEC, repositoryOf, SMALL_SERVICE } from './repositories.ts'

test('after a kill -9 of the worker the next epoch goes on from the last acknowledged turn', async () => {
  await using model = await startGatedModel()
  await using fleet = await startFleet({ env: model.env })
  await using source = await repositoryOf(SMALL_SERVICE)
  const submit = (specId: string) =>
    fleet.client.submit({ kind: 'spec', specId, text: NOTES_SPEC, source: { git: source.path } })
  await submit('calm')
  await fleet.until('calm', settled)

  // In the middle of explore, and again in the middle of design.
  const moments = [
    { gate: model.gate('stormy', 3), acknowledged: [1, 2] },
    { gate: model.gate('stormy', 7), acknowledged: [1, 2, 3, 4, 5, 6] },
  ]
  const { runId } = await submit('stormy')
  for (const { gate, acknowledged } of moments) {
    await gate.reached
    const { placement, specId, epoch } = await fleet.placement(runId)
    const stored = await readTurns(fleet.app, specId, runId)
    expect(stored.map(({ turn }) => turn)).toEqual(acknowledged)
    process.kill(await fleet.workerOf(placement.sandboxId), 'SIGKILL')
    await fleet.until('stormy', (facts) => facts.some(({ type, epoch: of }) => type === 'run.lost' && of === epoch))
    gate.open()
  }
  const facts = await fleet.until('stormy', settled)

  const deaths = facts.flatMap((fact) => (fact.type === 'run.lost' ? [fact.data.cause] : []))
  expect(deaths).toEqual([
    { kind: 'killed', signal: 'SIGKILL' },
    { kind: 'killed', signal: 'SIGKILL' },
  ])
  expect(facts.at(-1)).toMatchObject({ type: 'run.settled', epoch: 3, data: { outcome: 'done' } })
  // One call a death: the one that was under way.
  expect(paidTwice(model.callsOf('stormy'))).toBeLessThanOrEqual(moments.length)
  const [calm, stormy] = [await fleet.state('calm'), await fleet.state('stormy')]
  expect(planOf(stormy)).toEqual(planOf(calm))
  expect(stormy.usage.turns).toBe(calm.usage.turns)
  await fleet.endInOrder()
})
