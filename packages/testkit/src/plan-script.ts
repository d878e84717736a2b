import { PHASES, type Phase } from '@specfleet/shared'
import type { ReceivedRequest, ScriptedReply } from './fake-messages-api.ts'

export type ScriptedPlan = Readonly<Record<Exclude<Phase, 'sync'>, unknown>>

/** A reply that calls one tool, with a word before it. */
export const callTool = (nth: number, name: string, input: unknown): ScriptedReply => ({
  kind: 'message',
  content: [
    { type: 'text', text: `I call ${name}.` },
    { type: 'tool_use', id: `toolu_${nth}`, name, input },
  ],
})

export const sayText = (text: string): ScriptedReply => ({ kind: 'message', content: [{ type: 'text', text }] })

/**
 * A model that takes a spec through its phases, on either path: it looks at a file, then hands in what is
 * due. The first design it hands in has no components, so it is rejected. What it answers depends on the
 * conversation alone, as with a real one.
 */
export function replyByPlan(plan: ScriptedPlan, { body, nth }: ReceivedRequest): ScriptedReply {
  const said = JSON.stringify(body.messages)
  if (!said.includes('"name":"read"')) return callTool(nth, 'read', { file_path: 'package.json' })
  const offered = JSON.stringify(body.tools)
  const due = PHASES.find((phase) => offered.includes(`hand_in_${phase}`) && !isAccepted(said, phase))
  if (due === undefined || due === 'sync') return sayText('All is done.')
  const output =
    due === 'design' && !said.includes('rejected') ? { ...asObject(plan.design), components: [] } : plan[due]
  return callTool(nth, `hand_in_${due}`, output)
}

const asObject = (value: unknown): object => (typeof value === 'object' && value !== null ? value : {})

/** In one conversation phases are accepted one after the other, so the number of acceptances tells. */
function isAccepted(said: string, phase: Phase): boolean {
  const accepted = said.split('accepted (score').length - 1
  return accepted > PHASES.indexOf(phase)
}
