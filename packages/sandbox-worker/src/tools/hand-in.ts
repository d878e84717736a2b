import { betaZodTool } from '@anthropic-ai/sdk/helpers/beta/zod'
import type { BetaRunnableTool } from '@anthropic-ai/sdk/lib/tools/BetaRunnableTool'
import { type Phase, phaseInputSchema, SpecfleetError } from '@specfleet/shared'
import { handInName } from '../phases/hand-in-name.ts'
import { hasSchema, type Tool, type ToolAnswer, type ToolCall } from './tool.ts'

/** The tool by which the output of a phase is handed in. `receive` judges it. */
export function handInTool(phase: Phase, receive: (call: ToolCall) => ToolAnswer): Tool {
  const name = handInName(phase)
  const description =
    `Hands in the output of the ${phase} phase. It is checked at once: the answer begins with "accepted", ` +
    'or with "rejected" and says what to mend.'
  // Only its schema is used: what does not match is judged like any other output, and counts as an attempt.
  const made: BetaRunnableTool = betaZodTool({ name, description, inputSchema: phaseInputSchema(phase), run: () => '' })
  if (!hasSchema(made)) throw new SpecfleetError('internal', `${name} has no schema`)
  return {
    definition: { name, description, input_schema: made.input_schema },
    quick: true,
    run: async (call) => receive(call),
  }
}
