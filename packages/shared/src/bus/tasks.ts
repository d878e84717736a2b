import { SpecfleetError } from '../contract/errors.ts'
import type { Priority } from '../contract/task.ts'
import type { Bus } from './connection.ts'

export type QueuedTask = {
  readonly subject: string
  readonly data: Uint8Array
  readonly headers: Record<string, string>
  /** How often it was handed out, this time included. Tells nothing about ownership. */
  readonly deliveries: number
  readonly seq: number
  /** Removes it from the queue; resolves when the server has confirmed that. */
  ack(): Promise<void>
  nak(delayMs?: number): void
  /** Asks for another acknowledgement period. */
  working(): void
}

export interface TaskQueue {
  publish(subject: string, data: Uint8Array | string, options?: { id?: string; signal?: AbortSignal }): Promise<void>
  /** Up to `max` tasks; waits up to `waitMs` for the first. Empty when there was none or the signal aborted. */
  pull(priority: Priority, options: { max: number; waitMs: number; signal: AbortSignal }): Promise<QueuedTask[]>
  /** Waiting and handed-out tasks. */
  depth(): Promise<Record<Priority, number>>
}

export function openTaskQueue(bus: Bus): Promise<TaskQueue> {
  return Promise.reject(new SpecfleetError('internal', bus.name))
}
