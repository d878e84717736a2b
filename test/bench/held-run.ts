/** Runs whose worker is killed while it waits for the model. */
import type { Fleet } from '../../packages/testkit/src/real-fleet.ts'
import type { Held, HeldModel } from './held-model.ts'
import { type RunWatch, watchRun } from './run-watch.ts'

export type HeldRun = Held & { readonly watch: RunWatch; readonly coldMs: number }

/** A run whose worker waits for the model, with one turn acknowledged. */
export async function startHeldRun({ model, fleet }: { model: HeldModel; fleet: Fleet }): Promise<HeldRun> {
  const watch = await watchRun(fleet.app)
  const held = model.hold()
  await fleet.client.submit({ kind: 'prompt', taskId: watch.taskId, text: held.prompt })
  const claimed = await watch.told('claimed')
  const ready = await watch.told('run.ready')
  await held.reached
  return { ...held, watch, coldMs: ready.at - claimed.at }
}

/** From now until a worker of the next epoch is ready. */
export async function untilReadyAgain({ watch }: HeldRun, epoch: number): Promise<number> {
  const startedAt = performance.now()
  return (await watch.told('run.ready', (told) => told.epoch === epoch)).at - startedAt
}

export async function endRun({ watch, letGo }: HeldRun): Promise<void> {
  letGo()
  await watch.told('run.settled')
  watch[Symbol.dispose]()
}
