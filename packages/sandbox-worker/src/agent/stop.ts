import type { Budget, ControlMessage } from '@specfleet/shared'

/** Why a run stops although its work is not done. */
export type StopOrder = Exclude<ControlMessage['command'], 'steer'>

/** How often in a row a model that stopped, or was cut off, without handing in is told to go on. */
export const MAX_NUDGES = 3
/** Turns of one conversation, so that an agent that goes in circles ends. */
export const MAX_CONVERSATION_TURNS = 150

export type BeforeTurn = {
  order: StopOrder | undefined
  /** Turns that the whole run has paid so far, and those of this conversation. */
  runTurns: number
  conversationTurns: number
  budget: Budget
  minutes: number
}

export type TurnPermit =
  | { go: true }
  | { go: false; why: 'ordered'; order: StopOrder }
  | { go: false; why: 'budget'; limit: 'turns' | 'minutes' }
  | { go: false; why: 'endless' }

/** Whether another model call may be made. An order outranks a spent budget. */
export function mayTakeTurn(state: BeforeTurn): TurnPermit {
  if (state.order !== undefined) return { go: false, why: 'ordered', order: state.order }
  const { turns, minutes } = state.budget
  if (turns !== undefined && state.runTurns >= turns) return { go: false, why: 'budget', limit: 'turns' }
  if (minutes !== undefined && state.minutes >= minutes) return { go: false, why: 'budget', limit: 'minutes' }
  if (state.conversationTurns >= MAX_CONVERSATION_TURNS) return { go: false, why: 'endless' }
  return { go: true }
}

export type Reply = {
  /** As the Messages API names it; `null` is not known to happen at the end of a message. */
  stopReason: string | null
  toolCalls: number
  /** Nudges in a row before this reply. */
  nudges: number
  /** Whether something has to be handed in before the conversation may end. */
  owesHandIn: boolean
}

/** What to do with a complete reply of the model. */
export type AfterReply =
  | { do: 'run-tools' }
  /** Nothing is run: the last call may be half a call. */
  | { do: 'cut-off' }
  | { do: 'nudge' }
  /** The server paused a long turn: send it back as it is. */
  | { do: 'continue' }
  | { do: 'finish' }
  | { do: 'fail'; reason: string }

export function afterReply(reply: Reply): AfterReply {
  const exhausted = reply.nudges >= MAX_NUDGES
  switch (reply.stopReason) {
    case 'refusal':
      return { do: 'fail', reason: 'the model refused to go on' }
    case 'model_context_window_exceeded':
      return { do: 'fail', reason: 'the conversation outgrew the context window of the model' }
    case 'max_tokens':
      return exhausted
        ? { do: 'fail', reason: `the model was cut off at its output limit ${MAX_NUDGES + 1} times in a row` }
        : { do: 'cut-off' }
    case 'pause_turn':
      return exhausted ? { do: 'fail', reason: 'the model paused without end' } : { do: 'continue' }
    default:
      if (reply.toolCalls > 0) return { do: 'run-tools' }
      if (!reply.owesHandIn) return { do: 'finish' }
      return exhausted
        ? { do: 'fail', reason: `the model stopped ${MAX_NUDGES + 1} times without handing in its output` }
        : { do: 'nudge' }
  }
}
