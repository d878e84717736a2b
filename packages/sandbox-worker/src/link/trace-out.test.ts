import { Epoch, parseTrace, RunId, SpecId } from '@specfleet/shared'
import { describe, expect, it } from 'vitest'
import { TRACE_RATE, TraceOut } from './trace-out.ts'

const scope = { specId: SpecId.parse('orders'), runId: RunId.parse('run'), epoch: Epoch.parse(1) }

function open(level: 'debug' | 'info' = 'info') {
  const sent: { subject: string; value: unknown }[] = []
  const bus = {
    connected: true,
    publishJson: (subject: string, value: unknown) =>
      void sent.push({ subject, value: JSON.parse(JSON.stringify(value)) }),
  }
  let nowMs = 0
  const out = new TraceOut(bus, { scope, now: () => new Date(nowMs), level })
  return {
    bus,
    sent,
    out,
    pass: (ms: number) => {
      nowMs += ms
    },
    texts: () => sent.map(({ value }) => parseTrace(value)),
  }
}

describe('TraceOut', () => {
  it('says what everybody can read, under its own subject', () => {
    const { out, sent, texts } = open()
    out.emit({ type: 'agent.message', data: { text: 'hello', turn: 2 } })
    expect(sent[0]?.subject).toBe('sf.trace.orders.run.1.agent.message')
    expect(texts()[0]).toMatchObject({ type: 'agent.message', seq: 1, by: 'worker', data: { text: 'hello' } })
  })

  it('cuts long texts', () => {
    const { out, texts } = open()
    out.emit({ type: 'agent.message', data: { text: 'x'.repeat(100_000), turn: 1 } })
    expect(JSON.stringify(texts()[0]).length).toBeLessThan(20_000)
  })

  it('drops what comes too fast or while the bus is away, and says how much', () => {
    const { out, bus, pass, texts } = open()
    for (let at = 0; at < TRACE_RATE + 5; at++) out.log('info', String(at))
    expect(texts()).toHaveLength(TRACE_RATE)
    pass(1_000)
    bus.connected = false
    out.log('info', 'lost')
    bus.connected = true
    out.log('info', 'back')
    expect(texts().slice(TRACE_RATE)).toMatchObject([
      { data: { level: 'warn', text: '6 trace events were dropped' } },
      { data: { text: 'back' } },
    ])
  })

  it('heeds the log level', () => {
    const { out, texts } = open('info')
    out.log('debug', 'detail')
    expect(texts()).toEqual([])
  })
})
