import type { BetaMessage, BetaToolResultBlockParam, BetaToolUseBlock } from '@anthropic-ai/sdk/resources/beta'
import { sizeOf } from '../tools/cap.ts'
import { summarise, type Toolbox } from '../tools/registry.ts'
import type { ToolAnswer } from '../tools/tool.ts'
import type { Means } from './conversation.ts'
import type { AfterReply } from './stop.ts'

/** Said to a model whose reply was longer than it may be. */
export const CUT_OFF =
  'Your reply was cut off at the output limit, so nothing of it was run. Go on in smaller steps; keep what you hand in concise.'

export const callsOf = (message: BetaMessage): BetaToolUseBlock[] =>
  message.content.filter((block) => block.type === 'tool_use')

/** A result for every call, in the order of the calls, run one after the other. */
export async function answerCalls(
  after: AfterReply,
  calls: readonly BetaToolUseBlock[],
  turn: number,
  toolbox: Toolbox,
  means: Means,
): Promise<BetaToolResultBlockParam[]> {
  const results: BetaToolResultBlockParam[] = []
  for (const call of calls) {
    const unrun = whyNotRun(after, toolbox.isQuick(call.name), means)
    const answer = unrun === undefined ? await runCall(call, turn, toolbox, means) : { content: unrun, isError: true }
    results.push({ type: 'tool_result', tool_use_id: call.id, content: answer.content, is_error: answer.isError })
  }
  return results
}

/** What is quick is run in spite of a pause or a drain: to ask for it again would cost more than to run it. */
function whyNotRun(after: AfterReply, quick: boolean, { link }: Means): string | undefined {
  if (after.do !== 'run-tools') return 'not run: your reply was cut off'
  const { stop } = link.orders
  if (stop === undefined || (quick && stop.command !== 'cancel')) return undefined
  return 'not run: the run was stopped here; call it again if you still need it'
}

async function runCall(call: BetaToolUseBlock, turn: number, toolbox: Toolbox, means: Means): Promise<ToolAnswer> {
  const { link, clock, life } = means
  const about = { callId: call.id, tool: call.name, turn }
  link.trace({ type: 'tool.called', data: { ...about, summary: summarise(call) } })
  const started = clock.monotonic()
  const answer = await toolbox.run(call, life)
  const ms = Math.round(clock.monotonic() - started)
  const { fault } = answer
  link.trace({
    type: 'tool.returned',
    data: {
      ...about,
      ok: !answer.isError,
      ms,
      bytes: sizeOf(answer.content),
      ...(fault === undefined ? {} : { fault }),
    },
  })
  return answer
}
