import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { settled } from '../../../packages/testkit/src/fleet-waits.ts'
import { FLOODS, flood } from './floods.ts'
import { type Ground, openGround, refusedBy } from './infiltrate.ts'

/** Far more than anybody waits for on a loaded machine; the benchmark `hostile` says how long it is. */
const NOTICED_MS = 30_000

let ground: Ground
beforeAll(async () => {
  ground = await openGround()
})
afterAll(async () => {
  await using ended = ground
  await ended.end()
})
beforeEach(({ onTestFailed }) => onTestFailed(() => ground.fleet.printLogs()))

test.each(Object.entries(FLOODS))('a flood of %s holds up nobody else, and is counted', async (what, nextOf) => {
  const id = what.replaceAll(' ', '-')
  const hostile = await ground.infiltrate(`flood-${id}`)
  await using client = await hostile.enter()
  const startedAt = performance.now()
  {
    using _flood = flood(client, nextOf(hostile))
    await ground.submit(`beside-${id}`)
    const facts = await ground.fleet.until(`beside-${id}`, settled)
    expect(facts.at(-1)).toMatchObject({ epoch: 1, data: { outcome: 'done' } })
    expect(performance.now() - startedAt).toBeLessThan(NOTICED_MS)
    if (what !== 'large messages') {
      const refused = (['wire', 'bus', 'beat', 'model'] as const).map((by) => refusedBy(by, 1))
      await ground.fleet.until(hostile.scope.specId, (facts) => refused.some((each) => each(facts)))
    }
  }
  hostile.gate.open()
  await client[Symbol.asyncDispose]()
  expect((await ground.fleet.until(hostile.scope.specId, settled)).at(-1)).toMatchObject({ data: { outcome: 'done' } })
})

test('who dials again and again is let in ever more slowly', async () => {
  const hostile = await ground.infiltrate('dialler')
  for (let n = 0; n < 40; n++) {
    await using _client = await hostile.enter().catch(() => ({ [Symbol.asyncDispose]: async () => {} }))
  }
  await ground.fleet.until('dialler', refusedBy('wire', 1, /new connections too fast/))
  hostile.gate.open()
  await ground.fleet.until('dialler', settled)
})
