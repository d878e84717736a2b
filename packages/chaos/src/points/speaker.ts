import * as z from 'zod'
import { parseJson } from './json.ts'

/** Who speaks on a connection, as far as the wire tells. */
export type Speaker =
  | { readonly kind: 'orchestrator'; readonly id: string }
  | { readonly kind: 'worker'; readonly runId: string; readonly epoch: number }
  | { readonly kind: 'other'; readonly name: string }

const Connect = z.looseObject({ name: z.string().default('') })

/** Reads what a client says of itself when it connects. An orchestrator has two connections. */
export function readSpeaker(connect: string): Speaker {
  const read = Connect.safeParse(parseJson(connect))
  const name = read.success ? read.data.name : ''
  const orchestrator = /^(?:orchestrator|credential mint) ([A-Za-z0-9_-]+)$/.exec(name)?.[1]
  if (orchestrator !== undefined) return { kind: 'orchestrator', id: orchestrator }
  const [, runId, epoch] = /^worker ([A-Za-z0-9_-]+)\.(\d+)$/.exec(name) ?? []
  if (runId !== undefined) return { kind: 'worker', runId, epoch: Number(epoch) }
  return { kind: 'other', name }
}

export function describeSpeaker(speaker: Speaker): string {
  if (speaker.kind === 'orchestrator') return `orchestrator ${speaker.id}`
  if (speaker.kind === 'worker') return `worker of run ${speaker.runId}, epoch ${speaker.epoch}`
  return speaker.name === '' ? 'somebody without a name' : speaker.name
}
