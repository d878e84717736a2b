import { RunId } from '@specfleet/shared'
import { expect, test } from 'vitest'
import { Meter } from './meter.ts'

const RUN = RunId.parse('run')
const call = (model: string) => ({
  model,
  tokens: { input: 1_000_000, output: 0, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 },
  complete: true,
})

test('a run’s calls add up, each run by itself', () => {
  const meter = new Meter({ free: false })
  meter.count(RUN, call('claude-sonnet-5-5'))
  const second = meter.count(RUN, call('claude-opus-5'))
  expect(second).toMatchObject({ usd: 5, run: { calls: 2, inputTokens: 2_000_000, usd: 7 } })
  expect(meter.count(RunId.parse('other'), call('claude-sonnet-5-5')).run.usd).toBe(2)
})

test('once a price was unknown the sum is unknown, not smaller', () => {
  const meter = new Meter({ free: false })
  meter.count(RUN, call('who-knows'))
  expect(meter.count(RUN, call('claude-sonnet-5-5'))).toMatchObject({ usd: 2, run: { calls: 2, usd: null } })
})

test('planned answers cost nothing, whatever model they were asked of', () => {
  expect(new Meter({ free: true }).count(RUN, call('claude-opus-5'))).toMatchObject({ usd: 0, run: { usd: 0 } })
})
