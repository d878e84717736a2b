import { createHash } from 'node:crypto'
import type { Bus, Epoch, RunId } from '@specfleet/shared'
import { type ControlMessage, ControlTaken, MessageId, sandboxIdOf, subjects } from '@specfleet/shared'
import { type Clock, every } from '../clock.ts'

export type Incarnation = { readonly runId: RunId; readonly epoch: Epoch }

/** Tells running workers what to do. */
export interface ControlSender {
  /** Whether the worker confirmed within `timeoutMs`, and before the signal aborted, that it has the message. */
  send(to: Incarnation, message: ControlMessage, options: { timeoutMs: number; signal: AbortSignal }): Promise<boolean>
}

/**
 * A worker is told at most once to cancel, pause or drain, by whomever: the message has the
 * same id from everybody, so that a worker knows a repetition.
 */
export function endingMessage(to: Incarnation, command: 'cancel' | 'pause' | 'drain'): ControlMessage {
  const name = `${sandboxIdOf(to.runId, to.epoch)} ${command}`
  return { v: 1, id: MessageId.parse(createHash('sha256').update(name).digest('hex').slice(0, 26)), command }
}

/** A worker that is still booting does not hear yet, so it is told until it confirms. */
const AGAIN_MS = 250

export function openControlSender({ bus, clock }: { bus: Bus; clock: Clock }): ControlSender {
  return {
    async send({ runId, epoch }, message, { timeoutMs, signal }) {
      const taken = Promise.withResolvers<boolean>()
      // A sandbox cannot answer into a reply subject of ours, so it confirms on one of its own.
      using _confirmations = bus.subscribe(subjects.taken(runId, epoch), (answer) => {
        if (ControlTaken.safeParse(answer.json()).data?.id === message.id) taken.resolve(true)
      })
      const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
      const giveUp = () => taken.resolve(false)
      limit.addEventListener('abort', giveUp, { once: true })
      try {
        if (limit.aborted) return false
        const tell = () => bus.publishJson(subjects.control(runId, epoch), message)
        tell()
        using _again = every(clock, AGAIN_MS, tell)
        return await taken.promise
      } finally {
        limit.removeEventListener('abort', giveUp)
      }
    },
  }
}
