import { join } from 'node:path'
import { type Bus, type Fact, type PlacedRun, type Refuser, SandboxId, type SandboxScope } from '@specfleet/shared'
import * as z from 'zod'
import { engineLayout } from '../../../packages/orchestrator/src/providers/engine-folder/layout.ts'
import { sandboxLayout } from '../../../packages/orchestrator/src/providers/process/layout.ts'
import { type Gate, type GatedModel, startGatedModel } from '../../../packages/testkit/src/gated-model.ts'
import { type Fleet, openFleet } from '../../../packages/testkit/src/real-fleet.ts'
import { NOTES_SPEC, repositoryOf, SMALL_SERVICE } from '../repositories.ts'
import { openRawClient, type RawClient } from './raw-client.ts'

/** A fleet, the model that its runs wait for, and a source they work on. */
export type Ground = AsyncDisposable & {
  readonly fleet: Fleet
  readonly model: GatedModel
  submit(specId: string): ReturnType<Fleet['client']['submit']>
  /** A run in the middle of its work, and a hostile program that has all that its sandbox has. */
  infiltrate(specId: string): Promise<Infiltration>
  /** Ends the fleet in order, and proves that nothing is left. */
  end(): Promise<void>
}

export type Infiltration = {
  readonly scope: SandboxScope
  readonly placement: PlacedRun['placement']
  readonly gate: Gate
  /** Of the sandbox's account. */
  readonly creds: string
  /** The socket that the sandbox has, as the host sees it. */
  readonly path: string
  /** Through the wire of the sandbox, with its credential or another. */
  enter(creds?: string): Promise<RawClient>
}

export async function openGround(env: Readonly<Record<string, string>> = {}): Promise<Ground> {
  await using parts = new AsyncDisposableStack()
  const source = parts.use(await repositoryOf(SMALL_SERVICE))
  const model = parts.use(await startGatedModel())
  const fleet = parts.use(await openFleet({ env: { ...model.env, ...env } }))
  const submit = (specId: string) =>
    fleet.client.submit({ kind: 'spec', specId, text: NOTES_SPEC, source: { git: source.path } })
  const owned = parts.move()
  return {
    fleet,
    model,
    submit,
    async infiltrate(id) {
      const gate = model.gate(id, 2)
      const { runId, specId } = await submit(id)
      await gate.reached
      const { placement } = await fleet.placement(runId)
      const scope = { specId, runId, epoch: placement.epoch }
      const creds = await credentialOf(fleet, placement.account, scope, 120_000)
      const path = wireOf(fleet, placement.sandboxId)
      return { scope, placement, gate, creds, path, enter: (other = creds) => openRawClient({ path }, other) }
    },
    end: () => fleet.endInOrder(),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** What a sandbox of that account has, made anew: its own was removed when its worker had read it. */
export async function credentialOf(fleet: Fleet, account: string, scope: SandboxScope, ms: number): Promise<string> {
  return (await fleet.mint.renew(account, scope, { expiresAt: new Date(Date.now() + ms) })).creds
}

export const wireOf = (fleet: Fleet, sandboxId: string): string =>
  sandboxLayout(engineLayout(join(fleet.home, 'fleet', 'process')).sandboxes, SandboxId.parse(sandboxId)).socket

const Names = z.object({ streams: z.array(z.string()) })
const Subjects = z.object({ state: z.object({ subjects: z.record(z.string(), z.number()).optional() }) })
/** Changes by itself: signs of life, views, chatter, what is counted, and what is told of refusals. */
const RESTLESS = /^(\$KV\.sf_(orchestrators|specs|run_blobs)\.|sf\.trace\.|sf\.log\..*\.run\.refused$)/

/** How many messages lie under each subject of each stream, buckets included. */
export async function storesOf(app: Bus): Promise<Record<string, number>> {
  const ask = (operation: string, body: object) => app.requestJson(`$JS.API.${operation}`, body, { timeoutMs: 5_000 })
  const { streams } = Names.parse(await ask('STREAM.NAMES', {}))
  const found = streams.map(async (name) => {
    const { state } = Subjects.parse(await ask(`STREAM.INFO.${name}`, { subjects_filter: '>' }))
    return Object.entries(state.subjects ?? {}).map(([subject, count]) => [`${name} ${subject}`, count] as const)
  })
  const all = (await Promise.all(found)).flat()
  return Object.fromEntries(all.filter(([key]) => !RESTLESS.test(key.slice(key.indexOf(' ') + 1))).sort())
}

/** Everything that reaches the account of the orchestrators with a certain text in it. */
export function witness(app: Bus, mark: string): Disposable & { readonly seen: readonly string[] } {
  const seen: string[] = []
  const subscription = app.subscribe('>', ({ subject, data }) => {
    if (Buffer.from(data).includes(mark)) seen.push(subject)
  })
  return { seen, [Symbol.dispose]: () => subscription.unsubscribe() }
}

/** For `until`: so many refusals by that refuser, and, if wanted, one with such a reason. */
export const refusedBy =
  (by: Refuser, least: number, reason = /(?:)/) =>
  (facts: readonly Fact[]): boolean => {
    const told = facts.flatMap((fact) => (fact.type === 'run.refused' && fact.data.by === by ? [fact.data] : []))
    return (
      told.reduce((sum, { count }) => sum + count, 0) >= least && told.some(({ lastReason }) => reason.test(lastReason))
    )
  }
