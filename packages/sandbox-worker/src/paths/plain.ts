import type { Conversation } from '../agent/conversation.ts'
import { converse } from '../agent/loop.ts'
import { plainPrompt } from '../context/prompt.ts'
import type { Ending } from '../ending.ts'
import { endingOf, type Run } from '../run.ts'
import { Toolbox } from '../tools/registry.ts'
import { workspaceTools } from '../tools/workspace-tools.ts'

/** Longest result that is delivered, in characters; all of it is in the turns. */
const MAX_RESULT = 32 * 1024

/** A plain prompt: nothing is injected and nothing handed in; the last words are the result. */
export async function runPlain({ resume, means, workspace, toolEnv }: Run): Promise<Ending> {
  await using toolbox = new Toolbox(workspaceTools({ workdir: workspace.root, env: toolEnv, access: 'write' }))
  const conversation: Conversation = {
    name: 'plain',
    ...plainPrompt(resume.task.text),
    stored: resume.turns.filter((turn) => turn.conversation === 'plain'),
    toolbox,
    owesHandIn: () => false,
    isOver: () => false,
    standing: () => ({ phase: null, attempt: 1 }),
    takeVerdicts: () => [],
    settle: async () => {},
  }
  const end = await converse(conversation, means)
  if (end.kind === 'finished') return { kind: 'delivered', outcome: 'done', result: end.text.slice(0, MAX_RESULT) }
  if (end.kind === 'over') return { kind: 'delivered', outcome: 'done' }
  return endingOf(end)
}
