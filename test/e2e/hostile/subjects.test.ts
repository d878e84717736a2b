import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { refusalsOf } from '../../../packages/cli/src/render/refusals.ts'
import { settled } from '../../../packages/testkit/src/fleet-waits.ts'
import { startCommand } from '../command-line.ts'
import { type Ground, type Infiltration, openGround, refusedBy, storesOf, witness } from './infiltrate.ts'
import { isError, openRawClient, publish } from './raw-client.ts'

let ground: Ground
let hostile: Infiltration
let victim: Infiltration
beforeAll(async () => {
  ground = await openGround()
  hostile = await ground.infiltrate('hostile')
  victim = await ground.infiltrate('victim')
})
afterAll(async () => {
  await using ended = ground
  hostile.gate.open()
  victim.gate.open()
  await ended.end()
})
beforeEach(({ onTestFailed }) => onTestFailed(() => ground.fleet.printLogs()))

/** Subjects that are not the attacker's to publish on. */
function forbidden({ scope: own }: Infiltration, { scope: other }: Infiltration): string[] {
  const mine = `${own.specId}.${own.runId}.${own.epoch}`
  const theirs = `${other.specId}.${other.runId}.${other.epoch}`
  return [
    // facts: of others, of a mixture, of the next epoch, of kinds that are not for workers
    `sf.log.${theirs}.run.ready`,
    `sf.log.${other.specId}.${own.runId}.${own.epoch}.run.ready`,
    `sf.log.${own.specId}.${other.runId}.${own.epoch}.run.ready`,
    `sf.log.${own.specId}.${own.runId}.${own.epoch + 1}.run.ready`,
    ...['run.settled', 'run.fenced', 'run.refused', 'spec.approved', 'budget.settled', 'ticket.merged'].map(
      (type) => `sf.log.${mine}.${type}`,
    ),
    `sf.log.${own.specId}.-.0.spec.approved`,
    `sf.trace.${theirs}.agent.message`,
    `sf.turn.${theirs}`,
    `sf.turn.${mine}.more`,
    `sf.beat.${other.runId}.${other.epoch}`,
    `sf.beat.${own.runId}.${own.epoch + 1}`,
    `sf.ctl.${other.runId}.${other.epoch}`,
    `sf.ctl.${own.runId}.${own.epoch}`,
    `sf.desk.${other.runId}.${other.epoch}.model`,
    `sf.desk.${other.runId}.${other.epoch}.taken`,
    `sf.desk.${own.runId}.${own.epoch + 1}.resume`,
    `sf.down.${other.runId}.${other.epoch}.call`,
    `sf.down.${own.runId}.${own.epoch}.call`,
    'sf.task.high.spec',
    'sf.dead.forged',
    'sf.api.submit',
    'sf.api.command',
    `sf.told.log.${theirs}.run.ready`,
    // the machinery of the bus
    '$JS.API.STREAM.DELETE.SF_LOG',
    '$JS.API.STREAM.PURGE.SF_TURNS',
    '$JS.API.CONSUMER.DURABLE.CREATE.SF_TASKS.intake-high',
    '$JS.ACK.SF_TASKS.intake-high.1.1.1.1.0',
    `$KV.sf_runs.${other.runId}`,
    '$KV.sf_orchestrators.me',
    '$O.sf_blobs.M.AAAA',
    '$SYS.REQ.CLAIMS.UPDATE',
    '$SYS.REQ.SERVER.PING',
    '_INBOX.somebody.1',
    '_R_.abc.1',
    // wildcards and dotted ids where a name belongs
    'sf.beat.*.1',
    'sf.log.>',
    `sf.log.*.${own.runId}.${own.epoch}.run.ready`,
    `sf.beat.${own.runId}.${own.epoch}.1`,
    `sf.turn.${own.specId}.x.${own.runId}.${own.epoch}`,
  ]
}

/** Ids of runs begin with the time they were made at: those made next to one's own differ in their ends. */
const guesses = (own: string): string[] => [own.slice(0, -1), `${own}0`, `${own.slice(0, -1)}*`, 'R1', '1']

/** Subjects that nobody has: of services that there are not, of desks among themselves, of runs that it guesses. */
const invented = ({ scope: { specId, runId, epoch } }: Infiltration): string[] => [
  `sf.desk.${runId}.${epoch}.nonsense`,
  `sf.desk.${runId}.${epoch}.nonsense.call`,
  `sf.desk.${runId}.${epoch}.model.call.more`,
  `sf.serving.${runId}.${epoch}.model.call`,
  ...guesses(runId).flatMap((guess) => [
    `sf.log.${specId}.${guess}.1.run.ready`,
    `sf.turn.${specId}.${guess}.1`,
    `sf.beat.${guess}.1`,
    `sf.desk.${guess}.1.resume`,
    `sf.desk.${guess}.1.model.call`,
    `sf.ctl.${guess}.1`,
  ]),
]

const listening = ({ scope: { runId, epoch } }: Infiltration): string[] => [
  '>',
  'sf.>',
  'sf.*.*.*',
  `sf.ctl.${runId}.${epoch}`,
  `sf.down.${runId}.${epoch}.>`,
  `sf.desk.${runId}.${epoch}.model`,
  'sf.desk.*.*.model desk',
  `sf.serving.${runId}.>`,
  'sf.told.>',
  '$JS.EVENT.>',
  '$KV.>',
  '$SYS.>',
  '_R_.>',
]

const count = async (by: string) =>
  refusalsOf(await ground.fleet.state('hostile'))
    .filter((row) => row.by === by)
    .reduce((sum, row) => sum + row.count, 0)

describe('through the wire of its sandbox', () => {
  test('nothing can be published that is not its own', async () => {
    using seen = witness(ground.fleet.app, 'MARK-PUBLISH')
    const before = { stores: await storesOf(ground.fleet.app), record: await ground.fleet.record(victim.scope.runId) }
    await using client = await hostile.enter()
    const subjects = forbidden(hostile, victim)
    for (const subject of subjects) {
      client.send(publish(subject, 'MARK-PUBLISH'))
      await client.hears(({ verb, args }) => verb === '-ERR' && args.includes(`Publish to "${subject}"`))
    }
    expect(seen.seen).toEqual([])
    expect(await storesOf(ground.fleet.app)).toEqual(before.stores)
    expect(await ground.fleet.record(victim.scope.runId)).toEqual(before.record)
    await ground.fleet.until('hostile', refusedBy('bus', subjects.length, /Permissions Violation for Publish/))
  })

  test('nothing can be published that nobody has: services that there are not, runs whose ids it guesses', async () => {
    const guesser = await ground.infiltrate('guesser')
    using seen = witness(ground.fleet.app, 'MARK-INVENTED')
    const before = await storesOf(ground.fleet.app)
    await using client = await guesser.enter()
    const subjects = invented(guesser)
    for (const subject of subjects) {
      client.send(publish(subject, 'MARK-INVENTED'))
      await client.hears(({ verb, args }) => verb === '-ERR' && args.includes(`Publish to "${subject}"`))
    }
    expect(seen.seen).toEqual([])
    expect(await storesOf(ground.fleet.app)).toEqual(before)
    await ground.fleet.until('guesser', refusedBy('bus', subjects.length, /Permissions Violation for Publish/))
    guesser.gate.open()
    await ground.fleet.until('guesser', settled)
  })

  test('nothing can be heard that is for others', async () => {
    const told = await count('bus')
    await using client = await hostile.enter()
    const subjects = listening(victim)
    for (const [at, subject] of subjects.entries()) {
      client.send(`SUB ${subject} ${at + 1}\r\n`)
      await client.hears(
        ({ verb, args }) => verb === '-ERR' && args.includes(`Subscription to "${subject.split(' ')[0]}"`),
      )
    }
    // Its own inbox it may hear; the answers of others do not come there.
    client.send('SUB _INBOX.> 99\r\n')
    await ground.fleet.client.specOf('victim')
    await client.settled()
    expect(client.heard.filter(({ verb }) => verb === 'MSG' || verb === 'HMSG')).toEqual([])
    await ground.fleet.until('hostile', refusedBy('bus', told + subjects.length, /Subscription/))
  })

  test('no answer can be wanted where it would do harm', async () => {
    const before = { stores: await storesOf(ground.fleet.app), record: await ground.fleet.record(victim.scope.runId) }
    using seen = witness(ground.fleet.app, 'MARK-REPLY')
    const { runId, epoch, specId } = hostile.scope
    const own = [`sf.beat.${runId}.${epoch}`, `sf.turn.${specId}.${runId}.${epoch}`, `sf.desk.${runId}.${epoch}.model`]
    const replies = forbidden(hostile, victim).filter((subject) => !subject.startsWith('_INBOX.'))
    await using client = await hostile.enter()
    for (const [at, reply] of replies.entries()) client.send(publish(own[at % own.length] ?? '', 'MARK-REPLY', reply))
    await client.hears(() => client.heard.filter(isError).length === replies.length)
    expect(seen.seen).toEqual([])
    expect(await storesOf(ground.fleet.app)).toEqual(before.stores)
    expect(await ground.fleet.record(victim.scope.runId)).toEqual(before.record)
    await ground.fleet.until('hostile', refusedBy('wire', replies.length, /a reply outside of its inbox/))
  })
})

test('past the wire, with the credential alone, replies reach nobody either', async () => {
  const before = { stores: await storesOf(ground.fleet.app), record: await ground.fleet.record(victim.scope.runId) }
  const { runId, epoch } = hostile.scope
  const { hostname, port } = new URL(ground.fleet.nats.url)
  await using client = await openRawClient({ host: hostname, port: Number(port) }, hostile.creds)
  // Whatever serves these answers at once: the desk refuses a call that it cannot read.
  for (const reply of forbidden(hostile, victim))
    client.send(publish(`sf.desk.${runId}.${epoch}.model`, 'MARK-DIRECT', reply))
  client.send(publish(`sf.desk.${runId}.${epoch}.model`, 'MARK-DIRECT', '_INBOX.own.1'))
  client.send('SUB _INBOX.own.* 1\r\n')
  client.send(publish(`sf.desk.${runId}.${epoch}.model`, 'MARK-DIRECT', '_INBOX.own.2'))
  await client.hears(({ verb, args }) => verb === 'MSG' && args.startsWith('_INBOX.own.2'))
  expect(await storesOf(ground.fleet.app)).toEqual(before.stores)
  expect(await ground.fleet.record(victim.scope.runId)).toEqual(before.record)
  await ground.fleet.until('hostile', refusedBy('model', 2, /opening frame was malformed/))
})

test('`show` counts it all in one block, and a program can read it', async () => {
  const runId = hostile.scope.runId
  const shown = await startCommand(['show', runId], ground.fleet.cliEnv).ended
  expect(shown).toMatchObject({ code: 0 })
  const block = shown.stdout.split('\n').filter((line) => line.includes(runId) && /\d+ {2}\S/.test(line))
  for (const by of ['bus', 'wire', 'model']) expect(block.some((line) => line.includes(` ${by} `))).toBe(true)
  const { stdout } = await startCommand(['show', runId, '--json'], ground.fleet.cliEnv).ended
  expect(JSON.parse(stdout)).toMatchObject({ refusals: refusalsOf(await ground.fleet.state('hostile')) })
  expect(refusalsOf(await ground.fleet.state('victim'))).toEqual([])
})
