import { newId, subjects } from '@specfleet/shared'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { settled } from '../../../packages/testkit/src/fleet-waits.ts'
import { type Ground, type Infiltration, openGround, refusedBy } from './infiltrate.ts'
import { publish, type RawClient } from './raw-client.ts'

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

/** Sends as fast as it is let, until disposed. */
function flood(client: RawClient, next: () => string): Disposable {
  let over = false
  const pour = () => {
    while (!over && !client.socket.destroyed) if (!client.socket.write(next())) return
  }
  client.socket.on('drain', pour)
  pour()
  return {
    [Symbol.dispose]: () => {
      over = true
      client.socket.off('drain', pour)
    },
  }
}

const repeated = (message: string, times = 500): (() => string) => {
  const many = message.repeat(times)
  return () => many
}

const FLOODS: Record<string, (hostile: Infiltration) => () => string> = {
  'small messages': ({ scope }) => repeated(publish(subjects.trace(scope, 'agent.message'), 'x')),
  'large messages': ({ scope }) => repeated(publish(subjects.trace(scope, 'agent.message'), 'x'.repeat(900_000)), 1),
  heartbeats: ({ scope: { runId, epoch } }) => repeated(publish(subjects.beat(runId, epoch), 'rubbish')),
  'calls of the desk': ({ scope: { runId, epoch } }) =>
    repeated(publish(subjects.desk(runId, epoch, 'model'), 'rubbish', '_INBOX.a.1')),
  'what is refused': ({ scope: { runId } }) => repeated(publish(`sf.ctl.${runId}.1`, 'x')),
  subscriptions: () => () => Array.from({ length: 500 }, () => `SUB _INBOX.${newId()} 1\r\nUNSUB 1\r\n`).join(''),
  pings: () => repeated('PING\r\n'),
}

test.each(Object.entries(FLOODS))('a flood of %s holds up nobody else, and is counted', async (what, nextOf) => {
  const id = what.replaceAll(' ', '-')
  const hostile = await ground.infiltrate(`flood-${id}`)
  await using client = await hostile.enter()
  const startedAt = performance.now()
  {
    // It reads nothing of what it is answered: whoever is slow is not waited for.
    client.socket.pause()
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
