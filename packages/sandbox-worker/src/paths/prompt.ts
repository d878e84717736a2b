import { PHASES } from '@specfleet/shared'
import { converse } from '../agent/loop.ts'
import { skillPrompt } from '../context/prompt.ts'
import type { Ending } from '../ending.ts'
import { SpecConversation } from '../phases/conversation.ts'
import type { NextStep } from '../phases/machine.ts'
import { endingOf, type Run } from '../run.ts'
import { skillText } from '../skills/skills.ts'
import { workspaceTools } from '../tools/workspace-tools.ts'
import { existsIn } from '../workspace.ts'
import { enterPhase, failPhase, finishBySync, promptParts, startOf } from './spec-run.ts'

/** The phases that a model hands in; the last is computed. */
const HANDED_IN = PHASES.filter((phase) => phase !== 'sync')

/** The spec-driven prompt: one conversation in which the agent drives and hands in phase after phase. */
export async function runPrompt(run: Run): Promise<Ending> {
  const { resume, means, workspace, toolEnv } = run
  const skill = skillText(resume.task.selectedSkill)
  const start = startOf(run)
  const { phase } = start
  if (phase === undefined) return { kind: 'delivered', outcome: 'done' }
  if (phase === 'sync') return finishBySync(run, start.outputs)
  const conversation = new SpecConversation({
    name: 'prompt',
    prompt: skillPrompt(skill, promptParts(run, start.outputs, phase), phase),
    stored: resume.turns.filter((turn) => turn.conversation === 'prompt'),
    start,
    approval: resume.task.approval,
    offered: HANDED_IN,
    workspaceTools: workspaceTools({ workdir: workspace.root, env: toolEnv, access: 'read' }),
    pathExists: existsIn(workspace.root),
    endsWith: endsConversation,
    state: async (fact) => {
      await means.link.state(fact)
      const next = conversation.progress.phase
      if (fact.type === 'phase.completed' && next !== undefined && next !== 'sync') await enterPhase(run, next, 1)
    },
  })
  await using _toolbox = conversation.toolbox
  await enterPhase(run, phase, conversation.progress.attempt)
  const end = await converse(conversation, means)
  if (end.kind === 'over') return afterConversation(run, conversation)
  const at = conversation.progress.phase ?? phase
  const failed = end.kind === 'finished' ? { kind: 'failed' as const, reason: 'the model ended the run early' } : end
  if (failed.kind === 'failed') await failPhase(run, at, failed.reason, conversation)
  return endingOf(failed, at)
}

const endsConversation = (step: NextStep): boolean =>
  step.do === 'enter' ? step.phase === 'sync' : step.do !== 'retry'

async function afterConversation(run: Run, { progress }: SpecConversation): Promise<Ending> {
  const { step } = progress
  switch (step?.do) {
    case 'enter':
    case 'finish':
      return finishBySync(run, progress.outputs)
    case 'await-approval':
      return { kind: 'delivered', outcome: 'awaiting-approval', phase: step.phase }
    default: {
      const at = step === undefined ? {} : { phase: step.phase }
      return { kind: 'delivered', outcome: 'failed', ...at, reason: 'no output of the phase passed its evaluation' }
    }
  }
}
