import type { Phase } from '@specfleet/shared'
import { converse } from '../agent/loop.ts'
import { phasePrompt } from '../context/prompt.ts'
import type { Ending } from '../ending.ts'
import { SpecConversation } from '../phases/conversation.ts'
import { design } from '../phases/design.ts'
import { explore } from '../phases/explore.ts'
import type { NextStep } from '../phases/machine.ts'
import type { ProgressState } from '../phases/progress.ts'
import { requirements } from '../phases/requirements.ts'
import type { Role } from '../phases/role.ts'
import { tasks } from '../phases/tasks.ts'
import { endingOf, type Run } from '../run.ts'
import { workspaceTools } from '../tools/workspace-tools.ts'
import { existsIn } from '../workspace.ts'
import { enterPhase, failPhase, finishBySync, promptParts, startOf } from './spec-run.ts'

const ROLES: Record<Exclude<Phase, 'sync'>, Role> = { explore, requirements, design, tasks }

/** The phase machine: one conversation a phase, each with its own role, until a gate, a failure or the end. */
export async function runPhases(run: Run): Promise<Ending> {
  const { orders } = run.means.link
  let state = startOf(run)
  for (;;) {
    const { phase } = state
    if (phase === undefined) return { kind: 'delivered', outcome: 'done' }
    if (orders.stop !== undefined) return endingOf({ kind: 'stopped', stop: orders.stop }, phase)
    if (phase === 'sync') return finishBySync(run, state.outputs)
    const worked = await workOn(phase, state, run)
    if ('ending' in worked) return worked.ending
    state = worked.next
  }
}

type Worked = { ending: Ending } | { next: ProgressState }

async function workOn(phase: Exclude<Phase, 'sync'>, start: ProgressState, run: Run): Promise<Worked> {
  const { resume, means, workspace, toolEnv } = run
  const conversation = new SpecConversation({
    name: phase,
    prompt: phasePrompt(ROLES[phase], promptParts(run, start.outputs, phase)),
    stored: resume.turns.filter((turn) => turn.conversation === phase),
    start,
    approval: resume.task.approval,
    offered: [phase],
    workspaceTools: workspaceTools({ workdir: workspace.root, env: toolEnv, access: 'read' }),
    pathExists: existsIn(workspace.root),
    endsWith: (step) => step.do !== 'retry',
    state: (fact) => means.link.state(fact),
  })
  await using _toolbox = conversation.toolbox
  await enterPhase(run, phase, conversation.progress.attempt)
  const end = await converse(conversation, means)
  if (end.kind === 'over') return afterPhase(phase, conversation)
  const failed = end.kind === 'finished' ? { kind: 'failed' as const, reason: 'the model ended the phase early' } : end
  if (failed.kind === 'failed') await failPhase(run, phase, failed.reason, conversation)
  return { ending: endingOf(failed, phase) }
}

function afterPhase(phase: Phase, { progress }: SpecConversation): Worked {
  const step: NextStep = progress.step ?? { do: 'finish' }
  switch (step.do) {
    case 'enter':
      return { next: { phase: step.phase, failedAttempts: 0, outputs: progress.outputs } }
    case 'await-approval':
      return { ending: { kind: 'delivered', outcome: 'awaiting-approval', phase } }
    case 'finish':
      return { ending: { kind: 'delivered', outcome: 'done' } }
    case 'give-up':
    case 'retry':
      return {
        ending: { kind: 'delivered', outcome: 'failed', phase, reason: `no output of ${phase} passed its evaluation` },
      }
  }
}
