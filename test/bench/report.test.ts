import { describe, expect, it } from 'vitest'
import type { Figure } from './benchmark.ts'
import { ratioOf, renderReport, reportAsJson, verdictOf } from './report.ts'
import { summarise } from './statistics.ts'

const figure = (ours: number, more: Partial<Figure> = {}): Figure => ({
  name: 'start → ready',
  unit: 'ms',
  ours: summarise([ours, ours, ours * 2]),
  engine: { name: 'node -e 0', summary: summarise([40, 50, 60]) },
  ...more,
})

describe('a verdict', () => {
  it('is about the medians, and passes on the line', () => {
    expect(ratioOf(figure(200))).toBe(4)
    expect(verdictOf(figure(200, { ratioAtMost: 4 }))).toBe('pass')
    expect(verdictOf(figure(201, { ratioAtMost: 4 }))).toBe('miss')
    expect(verdictOf(figure(900))).toBe('no target')
  })

  it('is about the tail where that is promised', () => {
    const tail = { judged: 'p99', ratioAtMost: 4 } as const
    expect(verdictOf(figure(100, tail))).toBe('pass')
    expect(verdictOf(figure(110, tail))).toBe('miss')
  })

  it('holds the value itself to its limit, beside the ratio', () => {
    expect(verdictOf(figure(100, { atMost: 100 }))).toBe('pass')
    expect(verdictOf(figure(101, { atMost: 100 }))).toBe('miss')
    expect(verdictOf(figure(100, { atMost: 100, ratioAtMost: 1 }))).toBe('miss')
  })
})

describe('a report', () => {
  it('says a miss plainly', () => {
    const lines = renderReport([{ benchmark: 'boot', figures: [figure(300, { ratioAtMost: 4 })] }])
    expect(lines[2]).toMatch(
      /^boot: start → ready {2}300 ms \(570\) {2}node -e 0 {2}50\.0 ms \(59\.0\) {2}6\.00 × +≤ 4 × {2}miss$/,
    )
  })

  it('names the tail and every limit that is judged', () => {
    const figures = [figure(300, { judged: 'p99', ratioAtMost: 4, atMost: 2_000 })]
    const lines = renderReport([{ benchmark: 'recovery', figures }])
    expect(lines[2]).toMatch(/ {2}p99 594 ms {2}.* {2}11\.9 × +≤ 4 ×, ≤ 2,000 ms {2}miss$/)
  })

  it('shows of a rate how low it falls, of a time how high it rises', () => {
    const rates = summarise([10, 20, 30])
    const lines = renderReport([
      {
        benchmark: 'intake',
        figures: [figure(1, { unit: '/s', ours: rates, engine: { name: 'raw', summary: rates } })],
      },
    ])
    expect(lines[2]).toContain('20.0 /s (10.0)')
  })

  it('gives programs the same judgement', () => {
    const [boot] = reportAsJson([{ benchmark: 'boot', figures: [figure(300, { ratioAtMost: 4 })] }])
    expect(boot?.figures[0]).toMatchObject({ ratio: 6, verdict: 'miss', ratioAtMost: 4 })
  })
})
