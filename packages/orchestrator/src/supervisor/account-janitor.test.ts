import type { RunRecord } from '@specfleet/shared'
import { OrchestratorId, sandboxIdOf, TaskInput, withIds } from '@specfleet/shared'
import { expect, test } from 'vitest'
import { FakeClock } from '../../../testkit/src/fake-clock.ts'
import { claimOf } from '../intake/admission.ts'
import { openLog } from '../log.ts'
import { AccountJanitor } from './account-janitor.ts'
import { claimedBy, startingAt } from './transitions.ts'
import type { ActiveRun } from './world.ts'

function setUp() {
  const clock = new FakeClock()
  const known = new Set<string>()
  const active: ActiveRun[] = []
  const state = { isSweeper: true }
  const janitor = new AccountJanitor(
    {
      mint: { accounts: async () => [...known], revoke: async (account) => void known.delete(account) },
      table: { active: () => active },
      clock,
      log: openLog({ level: 'error', now: () => clock.now(), write: () => undefined }),
      isSweeper: () => state.isSweeper,
    },
    { everyMs: 600_000 },
  )
  const own = (account: string) => {
    const task = withIds(TaskInput.parse({ kind: 'prompt', text: 'x', taskId: 'r' }), () => expect.unreachable())
    const stamp = { now: clock.now(), foldedTo: 0 }
    const run = claimedBy(claimOf(task, null, 1, clock.now()), OrchestratorId.parse('me'), stamp)
    const placement = { epoch: 1, sandboxId: sandboxIdOf(run.runId, 1), provider: 'p', engine: 'e', account }
    active.push(startingAt(run, placement, stamp) satisfies RunRecord)
  }
  return { janitor, known, own, state }
}

test('an account that two sweeps in a row found ownerless is revoked, and no other', async () => {
  const { janitor, known, own } = setUp()
  known.add('left-behind').add('in-use').add('on-its-way')
  own('in-use')
  await janitor.sweep()
  expect([...known]).toEqual(['left-behind', 'in-use', 'on-its-way'])
  own('on-its-way')
  known.add('new')
  await janitor.sweep()
  expect([...known]).toEqual(['in-use', 'on-its-way', 'new'])
})

test('only one of all sweeps, and whoever takes over begins anew', async () => {
  const { janitor, known, state } = setUp()
  known.add('left-behind')
  await janitor.sweep()
  state.isSweeper = false
  await janitor.sweep()
  state.isSweeper = true
  await janitor.sweep()
  expect([...known]).toEqual(['left-behind'])
  await janitor.sweep()
  expect([...known]).toEqual([])
})
