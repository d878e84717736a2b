import { type ControlMessage, MessageId } from '@specfleet/shared'
import { describe, expect, it } from 'vitest'
import { Orders } from './orders.ts'

const id = (name: string) => MessageId.parse(name)
const stop = (command: 'cancel' | 'pause' | 'drain', name: string = command): ControlMessage => ({
  v: 1,
  id: id(name),
  command,
})
const steer = (text: string): ControlMessage => ({ v: 1, id: id(`steer-${text}`), command: 'steer', text })

describe('Orders', () => {
  it('keeps the first of pause and drain, and lets a cancellation outrank both', () => {
    const orders = new Orders()
    orders.take(stop('pause'))
    orders.take(stop('drain'))
    expect(orders.stop).toEqual({ command: 'pause', id: 'pause' })
    expect(orders.cancelled.aborted).toBe(false)
    orders.take(stop('cancel'))
    orders.take(stop('pause', 'later'))
    expect(orders.stop).toEqual({ command: 'cancel', id: 'cancel' })
    expect(orders.cancelled.aborted).toBe(true)
  })

  it('takes a repeated message once', () => {
    const orders = new Orders()
    expect([orders.take(steer('a')), orders.take(steer('a'))]).toEqual([true, false])
    expect(orders.takeSteers().map(({ text }) => text)).toEqual(['a'])
    expect(orders.takeSteers()).toEqual([])
  })

  it('keeps a bounded number of steers, the newest', () => {
    const orders = new Orders()
    for (let at = 0; at < 100; at++) orders.take(steer(String(at)))
    const kept = orders.takeSteers().map(({ text }) => text)
    expect(kept).toHaveLength(64)
    expect(kept.at(-1)).toBe('99')
  })
})
