import { type Envelope, Epoch, RunId, SpecId } from '@specfleet/shared'
import { describe, expect, it } from 'vitest'
import { FactsOut } from './facts-out.ts'

const scope = { specId: SpecId.parse('orders'), runId: RunId.parse('run'), epoch: Epoch.parse(3) }
const fact = (turn: number) => ({
  type: 'phase.started' as const,
  data: { phase: 'explore' as const, attempt: 1, turn },
})

/** A log that accepts when it is told to. */
function slowLog() {
  const waiting: { envelope: Envelope; settle: (error?: Error) => void }[] = []
  return {
    waiting,
    append: (envelope: Envelope) =>
      new Promise<{ seq: number; duplicate: boolean }>((resolve, reject) => {
        const settle = (error?: Error) => (error === undefined ? resolve({ seq: 1, duplicate: false }) : reject(error))
        waiting.push({ envelope, settle })
      }),
  }
}

const open = (log: ReturnType<typeof slowLog>) =>
  new FactsOut(log, { scope, now: () => new Date(0), signal: new AbortController().signal })

describe('FactsOut', () => {
  it('sends one fact after the other, numbered from 1', async () => {
    const log = slowLog()
    const facts = open(log)
    const both = [facts.state(fact(1)), facts.state(fact(2))]
    await Promise.resolve()
    expect(log.waiting.map(({ envelope }) => envelope.seq)).toEqual([1])
    log.waiting[0]?.settle()
    await both[0]
    await Promise.resolve()
    log.waiting[1]?.settle()
    await both[1]
    expect(log.waiting.map(({ envelope }) => [envelope.seq, envelope.epoch, envelope.by])).toEqual([
      [1, 3, 'worker'],
      [2, 3, 'worker'],
    ])
    expect(new Set(log.waiting.map(({ envelope }) => envelope.id)).size).toBe(2)
  })

  it('tells only its own caller of a failure', async () => {
    const log = slowLog()
    const facts = open(log)
    const [first, second] = [facts.state(fact(1)), facts.state(fact(2))]
    await Promise.resolve()
    log.waiting[0]?.settle(new Error('too large'))
    await expect(first).rejects.toThrow('too large')
    await expect.poll(() => log.waiting.length).toBe(2)
    log.waiting[1]?.settle()
    await second
  })
})
