import { once } from 'node:events'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openAllowance } from './allowance.ts'
import { Passage, type Shared } from './passage.ts'
import { openQuota } from './quota.ts'
import { openRefusals, type Untold } from './refusals.ts'

const PLENTY = { burst: 1e9, perSecond: 1e9 }

function open(changes: Partial<Shared> = {}) {
  const refused: Untold[] = []
  const refusals = openRefusals((untold) => refused.push(untold) > 0)
  let cut = 0
  const shared: Shared = {
    messages: openAllowance(PLENTY),
    bytesUp: openAllowance(PLENTY),
    bytesDown: openAllowance(PLENTY),
    quota: openQuota({ log: 1e9, trace: 1e9, turn: 100 }),
    longest: 1e9,
    refusals,
    ...changes,
  }
  const passage = new Passage(shared, () => cut++)
  const { up, down } = passage
  const came = { up: [] as Buffer[], down: [] as Buffer[] }
  up.on('data', (bytes: Buffer) => came.up.push(bytes))
  down.on('data', (bytes: Buffer) => came.down.push(bytes))
  return {
    up,
    down,
    refused,
    cuts: () => cut,
    text: (way: 'up' | 'down') => Buffer.concat(came[way]).toString('latin1'),
    [Symbol.dispose]: () => {
      refusals.close()
      passage.close()
    },
  }
}

/** What was written has come out. */
const passed = () => new Promise(setImmediate)

const pieces = (text: string, step: number): Buffer[] =>
  Array.from({ length: Math.ceil(text.length / step) }, (_, n) => Buffer.from(text.slice(n * step, (n + 1) * step)))

const publish = (subject: string, payload: string) => `PUB ${subject} ${payload.length}\r\n${payload}\r\n`

test('all passes as it came, but what the quota refuses, and that is told as the bus would tell it', async () => {
  const message = fc.tuple(
    fc.constantFrom('sf.beat.r.1', 'sf.turn.s.r.1'),
    fc.string({ maxLength: 60, unit: 'grapheme-ascii' }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(message, { maxLength: 12 }), fc.integer({ min: 1, max: 90 }), async (messages, step) => {
      using wire = open()
      const quota = openQuota({ log: 1e9, trace: 1e9, turn: 100 })
      const sent = messages.map(([subject, payload]) => ({ subject, whole: publish(subject, payload) }))
      const passes = sent.filter(({ subject, whole }) => quota.refuse(subject, whole.length) === undefined)
      for (const piece of pieces(sent.map(({ whole }) => whole).join(''), step)) wire.up.write(piece)
      wire.up.end()
      await once(wire.up, 'end')
      expect(wire.text('up')).toBe(passes.map(({ whole }) => whole).join(''))
      const errors = wire.text('down').match(/-ERR 'Permissions Violation for Publish to "sf\.turn\.s\.r\.1": /g) ?? []
      expect(errors).toHaveLength(sent.length - passes.length)
    }),
    { numRuns: 60 },
  )
})

test('what the client is told stands between two frames of the bus, wherever those are cut', async () => {
  const frames = ['INFO {}\r\n', 'MSG _INBOX.1 1 31\r\n-ERR nothing of the protocol..!\r\n', 'PING\r\n', '+OK\r\n']
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 40 }), fc.nat(70), async (step, at) => {
      using wire = open()
      const whole = frames.join('')
      let written = 0
      let asked = false
      for (const piece of pieces(whole, step)) {
        if (!asked && written >= at) {
          asked = true
          wire.up.write(publish('sf.turn.s.r.1', 'x'.repeat(200)))
        }
        wire.down.write(piece)
        written += piece.length
      }
      wire.down.end()
      await once(wire.down, 'end')
      const told = /-ERR 'Permissions[^\r]*\r\n/
      const borders = frames.map((_, n) => frames.slice(0, n + 1).join('').length)
      expect(wire.text('down').replace(told, '')).toBe(whole)
      if (asked) expect([0, ...borders]).toContain(told.exec(wire.text('down'))?.index)
      expect(wire.refused.filter(({ by }) => by === 'bus')).toEqual([])
    }),
    { numRuns: 60 },
  )
})

test('what the bus refuses is noted with its words; that it goes away is no refusal', async () => {
  using wire = open()
  wire.down.write("-ERR 'Permissions Violation for Publish to \"sf.task.high.spec\"'\r\n-ERR 'Server Shutdown'\r\n")
  await passed()
  expect(wire.refused).toEqual([
    { by: 'bus', count: 1, lastReason: 'Permissions Violation for Publish to "sf.task.high.spec"' },
  ])
})

test('an answer may be wanted in an inbox and nowhere else', async () => {
  using wire = open()
  const honest =
    'PUB sf.beat.r.1 _INBOX.a 1\r\nx\r\nHPUB sf.beat.r.1 _INBOX.a 0 1\r\nx\r\nHPUB sf.beat.r.1 0 1\r\nx\r\n'
  wire.up.write(
    `PUB sf.beat.r.1 $JS.API.STREAM.DELETE.SF_LOG 1\r\nx\r\n${honest}HPUB sf.beat.r.1\tsf.ctl.v.1  0 1\r\nx\r\n`,
  )
  await passed()
  expect(wire.text('up')).toBe(honest)
  expect(wire.text('down').match(/-ERR '[^']*: a reply outside of its inbox'\r\n/g)).toHaveLength(2)
})

test('a message that is too long goes no further, and the connection goes on', async () => {
  using wire = open({ longest: 10 })
  wire.up.write(`${publish('sf.beat.r.1', 'x'.repeat(11))}${publish('sf.beat.r.1', 'x'.repeat(10))}`)
  await passed()
  expect(wire.text('up')).toBe(publish('sf.beat.r.1', 'x'.repeat(10)))
  expect(wire.text('down')).toContain('a message of more than 10 bytes')
})

test('whoever does not read what it is told is not told without end', async () => {
  using wire = open({ longest: 10 })
  wire.down.pause()
  for (let round = 0; round < 100; round++) {
    wire.up.write(publish('sf.beat.r.1', 'x'.repeat(11)).repeat(100))
    await passed()
  }
  expect(wire.refused.length).toBeGreaterThan(0)
  expect(wire.down.readableLength).toBeLessThan(80 * 1024)
})

test('who speaks unclearly is cut off, and who spends too much is read from no further', async () => {
  using unclear = open()
  unclear.up.write('PINGPUB sf.turn.s.r.1 5\r\n')
  expect(unclear.cuts()).toBe(1)
  expect(unclear.refused).toEqual([{ by: 'wire', count: 1, lastReason: 'what crossed was no line of the protocol' }])

  using spender = open({ messages: openAllowance({ burst: 2, perSecond: 0.001 }) })
  spender.up.write('PING\r\nPING\r\nPING\r\n')
  spender.up.write('PING\r\n')
  await passed()
  expect(spender.text('up')).toBe('PING\r\nPING\r\nPING\r\n')
  expect(spender.refused).toEqual([
    { by: 'wire', count: 1, lastReason: 'more messages than a sandbox may send: held back' },
  ])
})

test('a bus that wants TLS is carried unread', async () => {
  using wire = open()
  wire.down.write('INFO {"tls_required":true}\r\n')
  const hello = Buffer.from('\u0016\u0003\u0001 hello\n\n', 'latin1')
  wire.up.write(hello)
  await passed()
  expect(wire.text('up')).toBe(hello.toString('latin1'))
  expect(wire.cuts()).toBe(0)
})
