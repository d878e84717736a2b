import type { Envelope, Epoch } from '@specfleet/shared'
import { type Bus, connectBus, ensureTopology, MessageId, newMessageId, RunId, SpecId } from '@specfleet/shared'
import { type SecuredTestNats, startNats } from '@specfleet/testkit'
import { onTestFinished } from 'vitest'

/** A server of one's own with every stream declared, gone when the test is over. */
export async function startBus(): Promise<{ nats: SecuredTestNats; bus: Bus }> {
  const nats = await startNats()
  onTestFinished(() => nats.stop())
  const bus = await connectTo(nats)
  await ensureTopology(bus, { replicas: 1 })
  return { nats, bus }
}

/** Another connection, closed when the test is over; by default an orchestrator's. */
export async function connectTo(nats: SecuredTestNats, creds = nats.orchestratorCreds): Promise<Bus> {
  const bus = await connectBus({ url: nats.url, creds, name: 'test' })
  onTestFinished(() => bus.close())
  return bus
}

export const specOf = (id: string): SpecId => SpecId.parse(id)
export const runOf = (id: string): RunId => RunId.parse(id)

let facts = 0
/** A well-formed fact; each has its own id. */
export function newFact(at: { specId: SpecId; runId?: RunId; epoch?: Epoch | 0 }, type = 'phase.started'): Envelope {
  facts += 1
  return {
    v: 1,
    id: newMessageId(),
    type,
    specId: at.specId,
    runId: at.runId ?? runOf('run1'),
    epoch: at.epoch ?? 1,
    seq: facts,
    at: new Date().toISOString(),
    by: 'worker',
    data: { count: facts },
  }
}

export const idOf = (text: string): MessageId => MessageId.parse(text)

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

/** Resolves once `reached` says so; `check` is called by what makes it true. */
export function condition(reached: () => boolean): { check: () => void; met: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { check: () => void (reached() && resolve()), met: promise }
}
