import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { CutWatch } from './cut.ts'

describe('CutWatch', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('fires when the bus has been away for longer than the limit', () => {
    const cut = new CutWatch(1_000)
    cut.onStatus({ kind: 'disconnected' })
    vi.advanceTimersByTime(999)
    expect(cut.signal.aborted).toBe(false)
    vi.advanceTimersByTime(1)
    expect(cut.signal.reason).toMatchObject({ code: 'bus.unreachable', exitCode: 69 })
  })

  it('forgets an absence that ended, and does not add them up', () => {
    const cut = new CutWatch(1_000)
    for (let at = 0; at < 3; at++) {
      cut.onStatus({ kind: 'disconnected' })
      cut.onStatus({ kind: 'disconnected' })
      vi.advanceTimersByTime(900)
      cut.onStatus({ kind: 'reconnected' })
    }
    vi.advanceTimersByTime(10_000)
    expect(cut.signal.aborted).toBe(false)
  })

  it('fires at once when the credentials are refused: the incarnation is fenced', () => {
    const cut = new CutWatch(1_000)
    cut.onStatus({ kind: 'refused', reason: 'revoked' })
    expect(String(cut.signal.reason)).toContain('revoked')
  })

  it('lets the bus close once it is disposed', () => {
    const cut = new CutWatch(1_000)
    cut[Symbol.dispose]()
    cut.onStatus({ kind: 'closed' })
    expect(cut.signal.aborted).toBe(false)
  })
})
