import { SpecfleetError, type WireError } from '../contract/errors.ts'
import type { Bus } from './connection.ts'

export type DeadLetter = {
  seq: number
  at: Date
  /** Why, as a subject token. */
  reason: string
  /** Where it had been sent. */
  subject: string
  error: WireError
  data: Uint8Array
}

/** Keeps a message that could not be accepted, whole, with its reason. Resolves when it is stored. */
export function buryMessage(
  bus: Bus,
  reason: string,
  message: { subject: string; data: Uint8Array; headers: Record<string, string> },
  error: WireError,
): Promise<void> {
  return Promise.reject(new SpecfleetError('internal', JSON.stringify([bus.name, reason, message, error])))
}

/** The newest dead letters, newest first. */
export function listDead(bus: Bus, options: { limit: number }): Promise<DeadLetter[]> {
  return Promise.reject(new SpecfleetError('internal', `${bus.name} ${options.limit}`))
}
