import { isPlaced } from '@specfleet/shared'
import { endingMessage } from '../control/sender.ts'
import type { Sandbox } from '../providers/provider.ts'
import { bury } from './bury.ts'
import type { Crew, SupervisorOptions } from './crew.ts'
import { advance, confirm } from './spawn.ts'
import { claimedBy, ownedBy, released, unparked } from './transitions.ts'
import type { Action } from './world.ts'

/** Carries out one action. Throws when it cannot be done now; the next comparison then finds what is left to do. */
export async function act(crew: Crew, options: SupervisorOptions, action: Action, signal: AbortSignal): Promise<void> {
  const stamp = { now: crew.clock.now(), foldedTo: crew.ledger.foldedTo }
  switch (action.kind) {
    case 'start':
      await crew.table.take(action.run, (run) => claimedBy(run, options.me, stamp))
      return
    case 'take':
      await crew.table.move(action.run, claimedBy(action.run, options.me, stamp))
      return
    case 'unpark':
      await crew.table.move(action.run, unparked(action.run, stamp))
      return
    case 'release':
      await crew.table.move(action.run, released(action.run, stamp))
      return
    case 'adopt':
      return adopt(crew, options, action)
    case 'advance':
      return advance(crew, options, action.run, action.engine, signal)
    case 'confirm':
      return confirm(crew, action.run)
    case 'bury':
      return bury(crew, options, action.run, action.evidence, signal)
    case 'ask':
      return ask(crew, options, action, signal)
    case 'destroy':
      return destroyOrphan(crew, action.sandbox, action.engine)
  }
}

async function adopt(
  crew: Crew,
  options: SupervisorOptions,
  { run, from }: Extract<Action, { kind: 'adopt' }>,
): Promise<void> {
  const stamp = { now: crew.clock.now(), foldedTo: crew.ledger.foldedTo }
  const adopted = await crew.table.move(run, ownedBy(run, options.me, stamp))
  if (adopted === 'conflict') return
  const scope = { specId: run.specId, runId: run.runId, epoch: run.epoch }
  await crew.facts.state(scope, { type: 'run.adopted', data: { from, to: options.me } })
  crew.log.info('run.adopted', { runId: run.runId, specId: run.specId, epoch: run.epoch, from, state: run.state })
}

/** Until the worker has heard it, or has ended, or its grace is over. */
async function ask(
  crew: Crew,
  { stopGraceMs }: SupervisorOptions,
  { run, command }: Extract<Action, { kind: 'ask' }>,
  signal: AbortSignal,
): Promise<void> {
  if (command === 'nothing') return
  const { epoch, sandboxId, engine } = run.placement
  const site = crew.engines.at(engine)
  const to = { runId: run.runId, epoch }
  const gone = new AbortController()
  const look = () => {
    const known = site?.sandboxes.sandboxes()
    const state = known?.get(sandboxId)?.state.kind ?? 'none'
    if (known !== undefined && (state === 'exited' || state === 'none')) gone.abort(new Error('the sandbox has ended'))
  }
  using _changes = crew.engines.changes.on(look)
  look()
  const either = AbortSignal.any([signal, gone.signal])
  const taken = await crew.control.send(to, endingMessage(to, command), { timeoutMs: stopGraceMs, signal: either })
  crew.log.info('run.asked', { ...to, command, taken })
}

/**
 * Our copy of the record may be older than the sandbox, so the bus is asked before anything
 * is destroyed: a record on its way would show there.
 */
async function destroyOrphan(crew: Crew, { id, labels }: Sandbox, engine: string): Promise<void> {
  const site = crew.engines.at(engine)
  const run = await crew.table.read(labels.runId)
  if (run !== undefined && isPlaced(run) && run.placement.sandboxId === id) return
  await site?.provider.destroy(id)
  site?.sandboxes.gone(id)
  crew.log.info('sandbox.orphan-destroyed', { sandboxId: id, ...labels, record: run?.state ?? 'none' })
}
