import { expect, test } from 'vitest'
import { NAMELESS } from '../../packages/chaos/src/points/name.ts'
import { openRelay, type Relay } from '../../packages/chaos/src/points/relay.ts'
import { startFleet } from '../../packages/testkit/src/fleet.ts'
import { settled } from '../../packages/testkit/src/fleet-waits.ts'
import { NOTES_SPEC, repositoryOf, SMALL_SERVICE } from './repositories.ts'

test('everything that a fleet says has a name, but for questions that change nothing', async () => {
  const nameless = new Set<string>()
  let relay: Relay | undefined
  await using fleet = await startFleet({
    wire: async (upstream) => {
      relay = await openRelay({ upstream, onNameless: (subject) => nameless.add(subject) })
      return relay
    },
  })
  await using source = await repositoryOf(SMALL_SERVICE)
  await fleet.client.submit({ kind: 'spec', specId: 'calm', text: NOTES_SPEC, source: { git: source.path } })
  await fleet.until('calm', settled)
  await fleet.endInOrder()

  const unknown = [...nameless].filter((subject) => !NAMELESS.some(({ begins }) => subject.startsWith(begins)))
  expect(unknown).toEqual([])
  const names = [...(relay?.seen.keys() ?? [])]
  expect(names).toEqual(expect.arrayContaining(OF_EVERY_RUN))
})

/** Each part has something to say, and every step of the way is one of them. */
const OF_EVERY_RUN = [
  'client/request/submit',
  'api/answer/submit',
  'api/fact/spec.submitted',
  'api/task',
  'intake/blob/chunk',
  'intake/blob/meta',
  'intake/task/ack',
  'ledger/view',
  'supervisor/liveness',
  'supervisor/fact/run.claimed',
  'supervisor/account/made',
  'supervisor/fact/run.fenced',
  'supervisor/record/starting',
  'supervisor/fact/run.spawned',
  'supervisor/record/running',
  'worker/beat',
  'worker/call/resume',
  'desk/accept/resume',
  'desk/answer/resume',
  'worker/call/blob',
  'desk/answer/blob/data',
  'worker/fact/run.ready',
  'worker/fact/phase.started',
  'worker/call/model',
  'gateway/accept',
  'gateway/answer',
  'worker/trace/model.called',
  'worker/turn',
  'worker/fact/phase.evaluated',
  'worker/fact/phase.completed',
  'worker/fact/run.delivered',
  'supervisor/account/revoked',
  'supervisor/account/removed',
  'supervisor/fact/run.settled',
  'supervisor/record/settled',
  'supervisor/purge/turns',
  'supervisor/liveness/removed',
]
