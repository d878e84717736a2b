import { setTimeout as pause } from 'node:timers/promises'
import {
  CommandAnswer,
  isOpen,
  RunId,
  type RunRecord,
  SpecfleetError,
  type SpecId,
  type SpecState,
  SubmitAnswer,
  subjects,
} from '@specfleet/shared'
import type { z } from 'zod'
import { readAnswer } from '../../../cli/src/fleet/client.ts'
import type { Gate, GatedModel } from '../../../testkit/src/gated-model.ts'
import type { Fleet } from '../../../testkit/src/real-fleet.ts'
import type { Chronicle } from './chronicle.ts'
import type { Job, RefusedTask } from './work.ts'
import type { World } from './world.ts'

/** Somebody who died in the middle of an answer is not waited for any longer. */
const ANSWER_LIMIT_MS = 2_000
const AGAIN_MS = 100

type Surroundings = { readonly fleet: Fleet; readonly model: GatedModel; readonly chronicle: Chronicle }

/**
 * Submits the work and does what a person would on the way, stubbornly: what was not answered is asked again.
 * Settles when everything is settled; rejects with the signal's reason.
 */
export async function attend(
  around: Surroundings,
  { jobs, refused }: Pick<World, 'jobs' | 'refused'>,
  signal: AbortSignal,
): Promise<void> {
  await Promise.all([queueRefused(around, refused, signal), ...jobs.map((job) => attendOne(around, job, signal))])
}

/** Settles when the queue has it; sent again under the same id until then. */
async function queueRefused({ fleet }: Surroundings, task: RefusedTask, signal: AbortSignal): Promise<void> {
  await stubbornly(signal, () =>
    fleet.client.bus.request(task.subject, task.text, {
      timeoutMs: ANSWER_LIMIT_MS,
      headers: { 'Nats-Msg-Id': task.taskId },
      signal,
    }),
  )
}

async function attendOne(around: Surroundings, { specId, task, person }: Job, signal: AbortSignal): Promise<void> {
  const { fleet, model } = around
  // The gate stands before the first call can come.
  const held = person?.kind === 'pauses' ? person.call : person?.kind === 'cancels' ? 1 : undefined
  const gate = held === undefined ? undefined : model.gate(specId, held)
  await ask(fleet, 'submit', task, SubmitAnswer, signal)
  if (person?.kind === 'approves') await approve(around, specId, signal)
  if (gate !== undefined) {
    const interrupt = person?.kind === 'cancels' ? cancel : pauseAndResume
    await interrupt(around, { specId, runId: task.taskId, gate }, signal)
  }
  await untilRecord(around, task.taskId, ({ state }) => state === 'settled', signal)
}

async function approve(around: Surroundings, specId: SpecId, signal: AbortSignal): Promise<void> {
  await untilState(around, specId, ({ lifecycle }) => lifecycle === 'awaiting-approval', signal)
  await commandUntilTaken(around.fleet, { command: 'approve', specId }, signal)
  await untilState(around, specId, ({ approvals }) => approvals.requirements !== undefined, signal)
}

/** The call that it waits for is never answered. */
async function cancel(around: Surroundings, { specId, runId, gate }: Interrupted, signal: AbortSignal): Promise<void> {
  await Promise.race([gate.reached, rejectedBy(signal)])
  await commandUntilTaken(around.fleet, { command: 'cancel', specId }, signal)
  await untilRecord(around, runId, ({ state }) => state === 'settled', signal)
  gate.open()
}

type Interrupted = { readonly specId: SpecId; readonly runId: string; readonly gate: Gate }

async function pauseAndResume(
  around: Surroundings,
  { specId, runId, gate }: Interrupted,
  signal: AbortSignal,
): Promise<void> {
  await Promise.race([gate.reached, rejectedBy(signal)])
  const told = Promise.withResolvers<void>()
  using _told = around.fleet.app.subscribe(subjects.taken(RunId.parse(runId), '*'), () => told.resolve())
  await commandUntilTaken(around.fleet, { command: 'pause', specId }, signal)
  await untilState(around, specId, (state) => isOpen(state) && state.paused, signal)
  const stands = untilRecord(around, runId, (run) => run.state === 'waiting' && run.why === 'paused', signal)
  // A worker that is told behind its next call leaves undone what was asked for there, and goes another way.
  await Promise.race([told.promise, stands])
  gate.open()
  await stands
  await commandUntilTaken(around.fleet, { command: 'resume', specId }, signal)
}

const untilState = (
  { chronicle }: Surroundings,
  specId: SpecId,
  fits: (state: SpecState) => boolean,
  signal: AbortSignal,
) => chronicle.until(() => [chronicle.states.get(specId)].find((state) => state !== undefined && fits(state)), signal)

const untilRecord = (
  { chronicle }: Surroundings,
  runId: string,
  fits: (run: RunRecord) => boolean,
  signal: AbortSignal,
) => chronicle.until(() => [chronicle.records.get(runId)].find((run) => run !== undefined && fits(run)), signal)

/** A command may be carried out although its answer is lost; asked again, it is refused as out of place. */
export async function commandUntilTaken(
  fleet: Fleet,
  command: { readonly command: string; readonly specId: string },
  signal: AbortSignal,
): Promise<void> {
  let lost = false
  try {
    await ask(fleet, 'command', command, CommandAnswer, signal, () => {
      lost = true
    })
  } catch (error) {
    if (!lost) throw error
  }
}

async function ask<T>(
  fleet: Fleet,
  operation: 'submit' | 'command',
  request: unknown,
  schema: z.ZodType<T>,
  signal: AbortSignal,
  onLost: () => void = () => {},
): Promise<T> {
  const options = { timeoutMs: ANSWER_LIMIT_MS, signal }
  return stubbornly(
    signal,
    async () => readAnswer(await fleet.client.bus.requestJson(subjects.api(operation), request, options), schema),
    onLost,
  )
}

async function stubbornly<T>(
  signal: AbortSignal,
  attempt: () => Promise<T>,
  onLost: () => void = () => {},
): Promise<T> {
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof SpecfleetError) || !error.retryable) throw error
      onLost()
      await pause(AGAIN_MS, undefined, { signal })
    }
  }
}

/** Rejects with the signal's reason; what nobody listens to any more goes with the trial. */
function rejectedBy(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  promise.catch(() => undefined)
  return promise
}
