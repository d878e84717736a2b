import type { TurnRecord } from '../contract/desk.ts'
import { SpecfleetError } from '../contract/errors.ts'
import type { Epoch, RunId, SpecId } from '../contract/ids.ts'
import type { Bus } from './connection.ts'

/** A turn as it lies in `SF_TURNS`; `seq` is that of its last part. */
export type StoredTurn = TurnRecord & { epoch: number; seq: number }

/** Stores a turn, in parts when it is over the payload limit; whole once the last part is acknowledged. */
export function storeTurn(
  bus: Bus,
  scope: { specId: SpecId; runId: RunId; epoch: Epoch },
  turn: TurnRecord,
  options: { signal?: AbortSignal } = {},
): Promise<{ seq: number }> {
  return Promise.reject(new SpecfleetError('internal', JSON.stringify([bus.name, scope, turn, options])))
}

/**
 * Turns of a run in the order they were stored. A turn of an epoch in `limits` counts
 * only up to that sequence. Incomplete and malformed ones are skipped.
 */
export function readTurns(
  bus: Bus,
  specId: SpecId,
  runId: RunId,
  options: { limits?: ReadonlyMap<number, number> } = {},
): Promise<StoredTurn[]> {
  return Promise.reject(new SpecfleetError('internal', JSON.stringify([bus.name, specId, runId, options])))
}

export function lastTurnSeq(bus: Bus): Promise<number> {
  return Promise.reject(new SpecfleetError('internal', bus.name))
}

export function purgeTurns(bus: Bus, specId: SpecId, runId: RunId): Promise<void> {
  return Promise.reject(new SpecfleetError('internal', bus.name + specId + runId))
}
