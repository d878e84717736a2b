import type { BetaMessageParam } from '@anthropic-ai/sdk/resources/beta'
import { SpecfleetError, type TurnRecord } from '@specfleet/shared'
import * as z from 'zod'

/** Blocks go back to the model as they came: nothing but their kind is looked at here. */
const StoredMessage = z.looseObject({
  role: z.enum(['user', 'assistant']),
  content: z.union([z.string(), z.array(z.looseObject({ type: z.string() }))]),
})
const isMessage = (value: unknown): value is BetaMessageParam => StoredMessage.safeParse(value).success

/** A conversation as its stored turns tell it: that is all that is needed to go on with it. */
export class Transcript {
  readonly #turns: TurnRecord[]
  readonly #messages: BetaMessageParam[]

  /** @throws SpecfleetError `request.malformed` when a stored turn holds no Messages API messages */
  constructor(turns: readonly TurnRecord[]) {
    this.#turns = [...turns]
    this.#messages = turns.flatMap(messagesOf)
  }

  /** Messages so far, oldest first; empty before the first turn. */
  get messages(): readonly BetaMessageParam[] {
    return this.#messages
  }

  get turns(): readonly TurnRecord[] {
    return this.#turns
  }

  get last(): TurnRecord | undefined {
    return this.#turns.at(-1)
  }

  add(turn: TurnRecord): void {
    this.#turns.push(turn)
    this.#messages.push(...messagesOf(turn))
  }

  /** Turns at the end, without the last `ignore` ones, in which no tool was run. */
  idleTurns(ignore = 0): number {
    const turns = this.#turns.slice(0, this.#turns.length - ignore)
    return turns.length - 1 - turns.findLastIndex(ranTools)
  }
}

/** A reply that was cut off is answered with results too, but nothing was run for it. */
const ranTools = (turn: TurnRecord): boolean =>
  turn.stopReason !== 'max_tokens' &&
  turn.messages.some(({ content }) => Array.isArray(content) && content.some((block) => block.type === 'tool_result'))

function messagesOf(turn: TurnRecord): BetaMessageParam[] {
  return turn.messages.map((message) => {
    if (isMessage(message)) return message
    throw new SpecfleetError('request.malformed', `turn ${turn.turn} holds what is no message`)
  })
}

/** The text that a message shows to people. */
export function textOf(message: BetaMessageParam | undefined): string {
  const content = message?.content ?? ''
  if (typeof content === 'string') return content
  return content.flatMap((block) => (block.type === 'text' ? [block.text] : [])).join('\n\n')
}
