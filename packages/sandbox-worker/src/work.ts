import type { Ending } from './ending.ts'
import { runPhases } from './paths/phases.ts'
import { runPlain } from './paths/plain.ts'
import { runPrompt } from './paths/prompt.ts'
import { refuseTicket } from './paths/ticket.ts'
import { prepareRun, type Run } from './run.ts'
import type { Session } from './session.ts'

/** Takes the run on from where it stands to an ending, and says its last word. */
export async function work(session: Session): Promise<Ending> {
  const { env, path } = session.assignment
  if (path === 'ticket') return refuseTicket(env.TICKET_ID ?? '')
  const run = await prepareRun(session)
  const ending = await PATHS[path](run)
  if (ending.kind === 'delivered') await sayLastWord(ending, run)
  return ending
}

const PATHS = { phases: runPhases, prompt: runPrompt, plain: runPlain }

async function sayLastWord(
  { outcome, phase, reason, result }: Extract<Ending, { kind: 'delivered' }>,
  { means: { link, tally } }: Run,
): Promise<void> {
  const { stop } = link.orders
  const wasOrdered = outcome === 'cancelled' || outcome === 'paused' || outcome === 'drained'
  if (wasOrdered && stop?.id !== undefined) {
    await link.state({ type: 'agent.steered', data: { controlId: stop.id, command: stop.command } })
  }
  if (link.orders.takeSteers().length > 0) link.log('warn', 'a steer came too late to be heard')
  await link.state({
    type: 'run.delivered',
    data: {
      outcome,
      ...(phase === undefined ? {} : { phase }),
      ...(reason === undefined ? {} : { reason: reason.slice(0, MAX_REASON) }),
      ...(result === undefined ? {} : { result }),
      usage: tally.usage,
    },
  })
}

const MAX_REASON = 8 * 1024
