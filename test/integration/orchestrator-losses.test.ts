import {
  BUCKETS,
  connectBus,
  openLog as openFactLog,
  openRecords,
  openTaskQueue,
  RunRecord,
  SpecfleetError,
  SpecId,
} from '@specfleet/shared'
import { expect, test } from 'vitest'
import { carryOut } from '../../packages/orchestrator/src/api/command.ts'
import { systemClock } from '../../packages/orchestrator/src/clock.ts'
import { openFactWriter } from '../../packages/orchestrator/src/facts.ts'
import { Projector } from '../../packages/orchestrator/src/ledger/projector.ts'
import { openLog } from '../../packages/orchestrator/src/log.ts'
import { RunTable } from '../../packages/orchestrator/src/supervisor/run-table.ts'
import { readClaims, signClaims } from '../../packages/shared/src/bus/jwt.ts'
import { keyFromSeed } from '../../packages/shared/src/bus/nkey.ts'
import { workUntilTold } from '../../packages/testkit/src/scripted-worker.ts'
import { startFleet } from './orchestrator-fleet.ts'

test('an orchestrator whose credentials for the system account are withdrawn says that it cannot go on', async () => {
  await using fleet = await startFleet()
  const orchestrator = await fleet.join()
  const { kit } = fleet.nats
  const claims = readClaims(kit.systemAccountJwt)
  if (claims === undefined) return expect.unreachable('the kit has signed it')
  const now = new Date()
  const withdrawn = signClaims(keyFromSeed('operator', kit.operatorSigningSeed), {
    subject: kit.systemAccountId,
    name: 'SYS',
    issuedAt: now,
    // What stands there has no schema of its own on the way out.
    nats: { ...(claims.nats as never as object), revocations: { '*': Math.floor(now.getTime() / 1000) + 60 } } as never,
  })
  await using system = await connectBus({ url: fleet.nats.url, creds: fleet.nats.systemCreds, name: 'test' })
  system.publish('$SYS.REQ.CLAIMS.UPDATE', withdrawn)
  expect((await orchestrator.failed).message).toMatch(/authorization|revoked|closed/i)
})

test('a command whose acknowledgement was lost is answered once, as done', async () => {
  await using fleet = await startFleet({ scriptOf: () => workUntilTold })
  await fleet.join()
  await fleet.submit({ kind: 'prompt', text: 'x', taskId: 'paused-once' })
  const facts = fleet.factsOf('paused-once')
  await facts.until('run.ready')

  const factLog = openFactLog(fleet.bus)
  const ledger = new Projector({ log: factLog }, { states: [], foldedTo: 0, floodFactsPerSecond: 1_000 })
  const stop = new AbortController()
  const following = ledger.run(stop.signal)
  const log = openLog({ level: 'error', now: () => new Date(), write: () => {} })
  await using table = new RunTable({ records: await openRecords(fleet.bus, BUCKETS.runs, RunRecord), log })
  await table.start()
  const forgetful: typeof factLog = {
    ...factLog,
    async append(envelope, options) {
      await factLog.append(envelope, options)
      throw new SpecfleetError('bus.conflict', 'said again to a server that has forgotten')
    },
  }
  const desk = {
    bus: fleet.bus,
    ledger,
    factLog,
    facts: openFactWriter({ log: forgetful, clock: systemClock }, 'api'),
    table,
    queue: await openTaskQueue(fleet.bus),
    control: { send: async () => true },
  }
  const specId = SpecId.parse('paused-once')
  const outcome = await carryOut(desk, { command: 'pause', specId }, AbortSignal.timeout(10_000))
  expect(outcome.facts).toEqual(['spec.paused'])
  await facts.until('spec.paused')
  expect(facts.types().filter((type) => type === 'spec.paused')).toHaveLength(1)
  await expect(carryOut(desk, { command: 'pause', specId }, AbortSignal.timeout(10_000))).rejects.toMatchObject({
    code: 'command.refused',
  })
  stop.abort()
  await following
})
