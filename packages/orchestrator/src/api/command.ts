import { createHash } from 'node:crypto'
import type { Bus, Command, FactLog, NewFact, RunId, SpecId, TaskQueue } from '@specfleet/shared'
import {
  type ControlMessage,
  type Decision,
  decide,
  isPlaced,
  newMessageId,
  type PlacedRun,
  runIdOf,
  SpecfleetError,
  subjects,
  TaskId,
} from '@specfleet/shared'
import * as z from 'zod'
import { type ControlSender, endingMessage } from '../control/sender.ts'
import type { FactWriter } from '../facts.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { RunTable } from '../supervisor/run-table.ts'

export type CommandDesk = {
  readonly bus: Bus
  readonly ledger: Ledger
  readonly factLog: FactLog
  /** Speaks as `api`. */
  readonly facts: FactWriter
  readonly table: RunTable
  readonly queue: TaskQueue
  readonly control: ControlSender
}

const CONTROL_TIMEOUT_MS = 5_000

export type CommandOutcome = { readonly facts: string[]; readonly reachedRuns: RunId[]; readonly requeued?: TaskId }

/**
 * Decides what a command means for the spec as it is, writes that down, and tells whoever
 * works on the spec. The facts are appended only if nothing was appended to the spec since
 * the decision; else it is decided anew.
 * @throws SpecfleetError `command.refused`, `spec.unknown`.
 */
export async function carryOut(desk: CommandDesk, command: Command, signal: AbortSignal): Promise<CommandOutcome> {
  const { decision, runs } = await decideAndAppend(desk, command, signal)
  const facts = decision.facts.map(({ type }) => type)
  const reachedRuns = decision.control === undefined ? [] : await tellRuns(desk, command, decision.control, signal)
  if (decision.requeue === undefined) return { facts, reachedRuns }
  return { facts, reachedRuns, requeued: await requeue(desk, decision.requeue, runs, signal) }
}

type Accepted = Extract<Decision, { ok: true }>

/** `runs`: how many the spec had when it was decided. */
async function decideAndAppend(
  desk: CommandDesk,
  command: Command,
  signal: AbortSignal,
): Promise<{ decision: Accepted; runs: number }> {
  const { specId } = command
  for (;;) {
    signal.throwIfAborted()
    await desk.ledger.caughtUp(await desk.factLog.lastSeq(), signal)
    const seen = desk.ledger.lastSeqOf(specId)
    const spec = desk.ledger.spec(specId)
    const decision = decide(spec, command)
    if (!decision.ok) throw new SpecfleetError(decision.code, decision.message)
    const seq = await appendAll(desk, specId, decision.facts, seen)
    if (seq === undefined) continue
    await desk.ledger.caughtUp(seq, signal)
    return { decision, runs: spec?.runs.length ?? 0 }
  }
}

/** Resolves with the sequence of the last of them; `undefined` when somebody else came between. */
async function appendAll(
  desk: CommandDesk,
  specId: SpecId,
  facts: readonly NewFact[],
  seen: number,
): Promise<number | undefined> {
  let last = seen
  for (const fact of facts) {
    const appended = await appendNext(desk, specId, fact, last)
    if (appended === undefined) return undefined
    last = appended
  }
  return last
}

async function appendNext(
  { facts, factLog }: CommandDesk,
  specId: SpecId,
  fact: NewFact,
  last: number,
): Promise<number | undefined> {
  const id = newMessageId()
  try {
    return await facts.state({ specId }, fact, { id, expectLastOfSpec: last })
  } catch (error) {
    if (!(error instanceof SpecfleetError) || error.code !== 'bus.conflict') throw error
    // It may be our own that came between: stored, but its acknowledgement was lost and the server has forgotten.
    for await (const entry of factLog.readSpec(specId, { fromSeq: last + 1 }))
      if (Named.safeParse(entry.value()).data?.id === id) return entry.seq
    return undefined
  }
}

const Named = z.looseObject({ id: z.string() })

/** Resolves with the runs whose workers confirmed. The supervisor sees to those that did not. */
async function tellRuns(
  { table, control }: CommandDesk,
  command: Command,
  kind: 'cancel' | 'pause' | 'steer',
  signal: AbortSignal,
): Promise<RunId[]> {
  const live = table.active().filter((run): run is PlacedRun => isPlaced(run) && run.specId === command.specId)
  const reached = await Promise.all(
    live.map(async ({ runId, placement: { epoch } }) => {
      const message = messageFor(command, kind, { runId, epoch })
      const taken = await control.send({ runId, epoch }, message, { timeoutMs: CONTROL_TIMEOUT_MS, signal })
      return taken ? [runId] : []
    }),
  )
  return reached.flat()
}

function messageFor(
  command: Command,
  kind: 'cancel' | 'pause' | 'steer',
  to: { runId: RunId; epoch: number },
): ControlMessage {
  if (command.command === 'steer') return { v: 1, id: newMessageId(), command: 'steer', text: command.text }
  return endingMessage(to, kind === 'cancel' ? 'cancel' : 'pause')
}

/**
 * The same task under a new id; what it said of text, phase and context is in the log, and may
 * be out of date. The id is the same until the next run is claimed: asked for twice, it runs once.
 */
async function requeue(
  { table, queue }: CommandDesk,
  taskId: TaskId,
  runs: number,
  signal: AbortSignal,
): Promise<TaskId> {
  const before = await table.read(runIdOf(taskId))
  if (before === undefined) throw new SpecfleetError('run.unknown', taskId)
  const { text: _text, phase: _phase, context: _context, ...task } = before.task
  const hash = createHash('sha256').update(`${taskId} again ${runs}`)
  const again = { ...task, taskId: TaskId.parse(hash.digest('hex').slice(0, 32)) }
  // A message of its own each time: an earlier one may have been refused for a reason that is over.
  await queue.publish(subjects.task(task.priority, task.kind), JSON.stringify(again), { signal })
  return again.taskId
}
