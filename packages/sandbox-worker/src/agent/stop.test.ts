import { describe, expect, it } from 'vitest'
import { afterReply, MAX_CONVERSATION_TURNS, MAX_NUDGES, mayTakeTurn, type Reply } from './stop.ts'

const fresh = { order: undefined, runTurns: 3, conversationTurns: 3, budget: {}, minutes: 1 }
const reply: Reply = { stopReason: 'end_turn', toolCalls: 0, nudges: 0, owesHandIn: true }

describe('mayTakeTurn', () => {
  it('goes on within its budget', () => {
    expect(mayTakeTurn({ ...fresh, budget: { turns: 4, minutes: 2 } })).toEqual({ go: true })
  })

  it('stops at the turn budget of the run, at the minutes of the epoch, and when it was ordered to', () => {
    expect(mayTakeTurn({ ...fresh, budget: { turns: 3 } })).toMatchObject({ why: 'budget', limit: 'turns' })
    expect(mayTakeTurn({ ...fresh, budget: { minutes: 1 } })).toMatchObject({ why: 'budget', limit: 'minutes' })
    expect(mayTakeTurn({ ...fresh, order: 'drain', budget: { turns: 1 } })).toMatchObject({
      why: 'ordered',
      order: 'drain',
    })
  })

  it('ends an agent that goes in circles', () => {
    expect(mayTakeTurn({ ...fresh, conversationTurns: MAX_CONVERSATION_TURNS })).toMatchObject({ why: 'endless' })
  })
})

describe('afterReply', () => {
  it('runs tools when there are calls, whatever the reason is called', () => {
    expect(afterReply({ ...reply, stopReason: 'tool_use', toolCalls: 2 })).toEqual({ do: 'run-tools' })
    expect(afterReply({ ...reply, stopReason: 'something_new', toolCalls: 1 })).toEqual({ do: 'run-tools' })
  })

  it('never runs tools of a reply that was cut off', () => {
    expect(afterReply({ ...reply, stopReason: 'max_tokens', toolCalls: 1 })).toEqual({ do: 'cut-off' })
  })

  it('nudges a model that owes a hand-in, a bounded number of times', () => {
    expect(afterReply(reply)).toEqual({ do: 'nudge' })
    expect(afterReply({ ...reply, nudges: MAX_NUDGES })).toMatchObject({ do: 'fail' })
    expect(afterReply({ ...reply, owesHandIn: false })).toEqual({ do: 'finish' })
  })

  it.each(['max_tokens', 'pause_turn'])('bounds %s too', (stopReason) => {
    expect(afterReply({ ...reply, stopReason, nudges: MAX_NUDGES })).toMatchObject({ do: 'fail' })
  })

  it('takes a refusal for what it is', () => {
    expect(afterReply({ ...reply, stopReason: 'refusal' })).toMatchObject({
      do: 'fail',
      reason: expect.stringContaining('refused'),
    })
  })
})
