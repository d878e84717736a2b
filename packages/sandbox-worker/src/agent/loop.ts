import type { BetaContentBlockParam, BetaMessage, BetaMessageParam } from '@anthropic-ai/sdk/resources/beta'
import type { TurnRecord } from '@specfleet/shared'
import type { Steer } from '../link/orders.ts'
import type { Conversation, ConversationEnd, Means } from './conversation.ts'
import type { ModelOutcome } from './model.ts'
import { type AfterReply, afterReply, mayTakeTurn, type TurnPermit } from './stop.ts'
import { answerCalls, CUT_OFF, callsOf } from './tool-calls.ts'
import { Transcript, textOf } from './transcript.ts'
import { usageOfReply } from './usage.ts'

/**
 * Drives one conversation, turn by turn.
 *
 * 1. A turn is one reply of the model with the results of all its tool calls. It is stored as a whole,
 *    and acknowledged, before anything follows from it: at most the turn in progress is paid twice.
 * 2. What follows from a turn is derived from its record alone. A crash between the two changes
 *    nothing: the next incarnation finds the record and derives the same. Only the last record can be
 *    unsettled.
 * 3. Orders are heeded between tool calls; what is not run because of one is answered as not run.
 * 4. A steer is stated as heard once the turn that carries it is stored.
 */
export async function converse(conversation: Conversation, means: Means): Promise<ConversationEnd> {
  const transcript = new Transcript(conversation.stored)
  const { last } = transcript
  if (last !== undefined) {
    const end = await follow(last, decideAgain(last, conversation), conversation) // (2)
    if (end !== undefined) return end
  }
  for (;;) {
    const permit = mayTakeTurn({
      order: means.link.orders.stop?.command,
      runTurns: means.tally.paidTurns,
      conversationTurns: transcript.turns.length,
      budget: means.budget,
      minutes: means.tally.minutes,
    })
    if (!permit.go) return endOfPermit(permit, means)
    const before = transcript.messages.length > 0 ? [] : [opening(conversation, means.link.orders.takeSteers())]
    const outcome = await means.model.reply(
      {
        system: conversation.system,
        messages: [...transcript.messages, ...before.map(({ message }) => message)],
        tools: conversation.toolbox.definitions,
      },
      AbortSignal.any([means.link.orders.cancelled, means.life]),
    )
    if (outcome.kind !== 'reply') return endWithoutReply(outcome, means)
    const turn = await completeTurn(outcome, before, transcript, conversation, means)
    await means.store(turn.record) // (1)
    transcript.add(turn.record)
    means.tally.add(turn.record.usage)
    for (const { id, text } of turn.steers) {
      await means.link.state({ type: 'agent.steered', data: { controlId: id, command: 'steer', text } }) // (4)
    }
    const end = await follow(turn.record, turn.after, conversation)
    if (end !== undefined) return end
  }
}

type Spoken = { message: BetaMessageParam; steers: readonly Steer[] }
type Turn = { record: TurnRecord; after: AfterReply; steers: readonly Steer[] }

const opening = (conversation: Conversation, steers: readonly Steer[]): Spoken => ({
  message: { role: 'user', content: [textBlock(conversation.opening), ...steers.map(steerBlock)] },
  steers,
})

const textBlock = (text: string) => ({ type: 'text' as const, text })
const steerBlock = ({ text }: Steer) => textBlock(`A person who watches this run says:\n${text}`)

/** Runs what the reply calls for and puts the turn together. */
async function completeTurn(
  reply: Extract<ModelOutcome, { kind: 'reply' }>,
  before: readonly Spoken[],
  transcript: Transcript,
  conversation: Conversation,
  means: Means,
): Promise<Turn> {
  const { message } = reply
  const { phase, attempt } = conversation.standing()
  const turn = means.tally.turns + 1
  means.link.standing.turn = turn
  tellReply(message, turn, reply.ms, means)
  const calls = callsOf(message)
  let after = afterReply({
    stopReason: message.stop_reason,
    toolCalls: calls.length,
    nudges: transcript.idleTurns(),
    owesHandIn: conversation.owesHandIn(),
  })
  const answers: BetaContentBlockParam[] = await answerCalls(after, calls, turn, conversation.toolbox, means)
  // After a failure too, so that the stored conversation ends where another reply can go on.
  if (after.do === 'nudge' || after.do === 'fail') answers.push(textBlock(conversation.nudge))
  if (after.do === 'cut-off') answers.push(textBlock(CUT_OFF))
  const heard = canHear(after) && !conversation.isOver() ? means.link.orders.takeSteers() : []
  if (heard.length > 0 && after.do === 'finish') after = { do: 'continue' }
  answers.push(...heard.map(steerBlock))

  const said = before.map((spoken) => spoken.message)
  // A refusal is better forgotten, and the API does not take an empty message back.
  if (message.stop_reason !== 'refusal') {
    if (message.content.length > 0) said.push({ role: 'assistant', content: message.content })
    if (answers.length > 0) said.push({ role: 'user', content: answers })
  }
  const verdicts = conversation.takeVerdicts()
  const record: TurnRecord = {
    v: 1,
    turn,
    conversation: conversation.name,
    phase,
    attempt,
    messages: said.map(({ role, content }) => ({ role: role === 'assistant' ? 'assistant' : 'user', content })),
    usage: usageOfReply(message.usage, { toolCalls: calls.length, free: means.free }),
    stopReason: message.stop_reason,
    ...(verdicts.length > 0 ? { verdicts } : {}),
  }
  return { record, after, steers: [...before.flatMap(({ steers }) => steers), ...heard] }
}

/** Whether the model will read what is said behind this reply. */
const canHear = ({ do: step }: AfterReply): boolean => step !== 'fail' && step !== 'continue'

/** What follows from a stored turn; `undefined` when the conversation goes on. */
async function follow(
  record: TurnRecord,
  after: AfterReply | undefined,
  conversation: Conversation,
): Promise<ConversationEnd | undefined> {
  await conversation.settle(record)
  if (conversation.isOver()) return { kind: 'over' }
  if (after?.do === 'fail') return { kind: 'failed', reason: after.reason }
  if (after?.do === 'finish') return { kind: 'finished', text: textOf(new Transcript([record]).messages.at(-1)) }
  return undefined
}

/** Whether the last stored turn was the last word. A failure is not: whoever resumes may try again. */
function decideAgain(last: TurnRecord, conversation: Conversation): AfterReply | undefined {
  const ended = last.messages.at(-1)?.role === 'assistant' && last.stopReason !== 'pause_turn'
  return ended && !conversation.owesHandIn() ? { do: 'finish' } : undefined
}

function endOfPermit(permit: Exclude<TurnPermit, { go: true }>, means: Means): ConversationEnd {
  switch (permit.why) {
    case 'ordered':
      return { kind: 'stopped', stop: means.link.orders.stop ?? { command: permit.order } }
    case 'budget':
      return { kind: 'budget', reason: `the run has used its ${permit.limit} (${means.budget[permit.limit]})` }
    case 'endless':
      return { kind: 'failed', reason: 'the conversation goes on without an end' }
  }
}

function endWithoutReply(outcome: Exclude<ModelOutcome, { kind: 'reply' }>, means: Means): ConversationEnd {
  means.life.throwIfAborted()
  switch (outcome.kind) {
    case 'aborted':
      return { kind: 'stopped', stop: means.link.orders.stop ?? { command: 'cancel' } }
    case 'refused':
      return { kind: 'failed', reason: `the model did not accept the request: ${outcome.reason}` }
    default:
      return outcome
  }
}

function tellReply(message: BetaMessage, turn: number, ms: number, { link, labels }: Means): void {
  for (const block of message.content) {
    if (block.type === 'text' && block.text !== '')
      link.trace({ type: 'agent.message', data: { text: block.text, turn } })
    if (block.type === 'thinking') link.trace({ type: 'agent.thinking', data: { text: block.thinking, turn } })
  }
  const { phase } = link.standing
  link.trace({
    type: 'model.called',
    data: {
      turn,
      ...(phase === null ? {} : { phase }),
      ...labels,
      ms,
      inputTokens: message.usage.input_tokens,
      outputTokens: message.usage.output_tokens,
      stopReason: message.stop_reason,
    },
  })
}
