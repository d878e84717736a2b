import { expect, test } from 'vitest'
import { isTooOld, reconnectDelay } from './connection.ts'
import { parseHeaders } from './jetstream-api.ts'
import { parseDelivery } from './pull-session.ts'
import { retryDelay } from './retry.ts'
import {
  bucketStream,
  compareConfig,
  DEFAULT_SIZES,
  declaredConsumers,
  declaredStreams,
  type StreamConfig,
} from './streams.ts'

const declared = declaredStreams({ ...DEFAULT_SIZES, replicas: 1 })
function streamOf(name: string): StreamConfig {
  const found = declared.find((stream) => stream.name === name)
  if (found === undefined) throw new Error(`${name} is not declared`)
  return found
}

test('what the server adds to a configuration is no difference', () => {
  for (const stream of declared) {
    expect(compareConfig({ ...stream, metadata: {}, max_consumers: -1 }, stream).changed).toEqual([])
  }
})

test('a difference is named, and what the server cannot change is told apart', () => {
  const log = streamOf('SF_LOG')
  expect(compareConfig({ ...log, num_replicas: 3 }, log)).toEqual({ changed: ['num_replicas'], impossible: [] })
  expect(compareConfig({ ...log, storage: 'memory', subjects: ['x'] }, log)).toEqual({
    changed: ['subjects', 'storage'],
    impossible: ['storage'],
  })
})

test('the order of subjects is no difference', () => {
  const tasks = streamOf('SF_TASKS')
  const subjects = [...tasks.subjects].reverse()
  expect(compareConfig({ ...tasks, subjects }, tasks).changed).toEqual([])
})

test('filters of the task consumers do not overlap and together are the queue', () => {
  const filters = declaredConsumers().map((consumer) => consumer.filter_subject)
  expect(filters.sort()).toEqual([...streamOf('SF_TASKS').subjects].sort())
  expect(new Set(filters).size).toBe(filters.length)
})

test('a bucket that expires never remembers ids longer than its records', () => {
  const { max_age, duplicate_window } = bucketStream('x', 1, 5_000)
  expect(max_age).toBe(5e9)
  expect(duplicate_window).toBe(5e9)
})

test('a delivery is read from its reply subject, with and without a domain', () => {
  const at = new Date('2026-11-20T12:00:00.123Z')
  const time = `${at.getTime()}456789`
  const delivery = { streamSeq: 70, consumerSeq: 3, at, pending: 9 }
  expect(parseDelivery(`$JS.ACK.SF_LOG.r.1.70.3.${time}.9`)).toEqual(delivery)
  expect(parseDelivery(`$JS.ACK.hub.acc.SF_LOG.r.1.70.3.${time}.9.rnd`)).toEqual(delivery)
  expect(parseDelivery('_INBOX.x')).toBeUndefined()
  expect(parseDelivery(undefined)).toBeUndefined()
})

test('headers of a stored message: the first of a name, whatever stands in its value', () => {
  expect(parseHeaders('NATS/1.0\r\nA: x:y\r\nA: z\r\nB:\r\n\r\n')).toEqual({ A: 'x:y', B: '' })
  expect(parseHeaders('')).toEqual({})
})

test('servers from 2.12 on are new enough', () => {
  expect(['2.9.10', '2.11.4', '1.4.1', '', 'x'].map(isTooOld)).toEqual([true, true, true, true, true])
  expect(['2.12.0', '2.15.1-beta', '3.0.0'].map(isTooOld)).toEqual([false, false, false])
})

test('delays grow to their limit and are spread', () => {
  for (const random of [0, 0.5, 0.999]) {
    expect(reconnectDelay(1, random)).toBeLessThan(reconnectDelay(3, random))
    expect(reconnectDelay(1_000, random)).toBeLessThanOrEqual(1_500)
    expect(retryDelay(1_000, random)).toBeLessThanOrEqual(2_000)
  }
  expect(reconnectDelay(1, 0)).toBeLessThan(reconnectDelay(1, 0.9))
})
