/** The port to the engine processes of the benchmark `scale`. */
import { type Bus, SandboxId } from '@specfleet/shared'
import * as z from 'zod'
import type { Sandbox, SandboxProvider } from '../../packages/orchestrator/src/providers/provider.ts'
import { CLEAN_EXIT } from '../../packages/testkit/src/scripted-engine.ts'
import { askFor, type Inmate, Inmates, shardOf, wire } from './scale-wire.ts'

const Done = z.object({})
const sandboxOf = ({ id, labels, exited }: Inmate): Sandbox => ({
  id,
  labels,
  state: exited ? { kind: 'exited', exit: CLEAN_EXIT } : { kind: 'running' },
})

/** The connection is closed with it. */
export function scaleProvider(bus: Bus, shards: number): SandboxProvider & AsyncDisposable {
  const every = Array.from({ length: shards }, (_, shard) => shard)
  const listOf = async (shard: number) => askFor(bus, wire.list(shard), Inmates)
  const destroy = async (id: SandboxId) => void (await askFor(bus, wire.destroy(shardOf(id, shards)), Done, id))
  return {
    name: 'scale',
    engine: 'scale:here',
    images: false,
    isolation: 'none: scripts in processes of the benchmark',
    async create({ id, labels, env }) {
      await askFor(bus, wire.create(shardOf(id, shards)), Done, { id, labels, env })
      return { kind: 'running' }
    },
    inspect: async (id) => (await listOf(shardOf(id, shards))).filter((one) => one.id === id).map(sandboxOf)[0],
    list: async () => (await Promise.all(every.map(listOf))).flat().map(sandboxOf),
    stop: destroy,
    destroy,
    watch(onEvent) {
      const exits = bus.subscribe(wire.exited, (message) =>
        onEvent({ kind: 'exited', id: SandboxId.parse(message.json()) }),
      )
      return { [Symbol.asyncDispose]: async () => exits.unsubscribe() }
    },
    [Symbol.asyncDispose]: () => bus.close(),
  }
}
