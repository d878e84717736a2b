import { TurnRecord } from '../contract/desk.ts'
import { SpecfleetError } from '../contract/errors.ts'
import { type Epoch, newId, type RunId, type SpecId } from '../contract/ids.ts'
import { parseScopedSubject, STREAMS, subjects } from '../contract/subjects.ts'
import type { Bus } from './connection.ts'
import { holdsAny, lastSequence, purgeSubject } from './jetstream-api.ts'
import { parseJson } from './json.ts'
import { MOST_PARTS, PART_HEADER, PartCollector, partHeader, splitParts } from './parts.ts'
import { store } from './publish.ts'
import { readSubject } from './stream-reader.ts'

/** A turn as it lies in `SF_TURNS`; `seq` is that of its last part. */
export type StoredTurn = TurnRecord & { epoch: number; seq: number }

export type TurnScope = { specId: SpecId; runId: RunId; epoch: Epoch }

/**
 * Stores a turn, in parts when it is over the payload limit; whole once the last part is
 * acknowledged. Retries under the same ids until then, or until the signal aborts.
 * @throws SpecfleetError `bus.full`, `bus.too-large`, `bus.refused`.
 */
export async function storeTurn(
  bus: Bus,
  scope: TurnScope,
  turn: TurnRecord,
  options: { signal?: AbortSignal } = {},
): Promise<{ seq: number }> {
  const subject = subjects.turn(scope)
  const set = newId()
  const parts = splitParts(new TextEncoder().encode(JSON.stringify(turn)), bus.maxPayload)
  if (parts.length > MOST_PARTS)
    throw new SpecfleetError('bus.too-large', `turn ${turn.turn} needs ${parts.length} parts`)
  let seq = 0
  for (const [index, part] of parts.entries()) {
    const headers = parts.length === 1 ? {} : { [PART_HEADER]: partHeader(set, index + 1, parts.length) }
    const stored = await store(bus, subject, part, { id: `${set}-${index + 1}`, headers, ...options })
    seq = stored.seq
  }
  return { seq }
}

/** Far more than any conversation holds: a sandbox that stores more shall not fill the memory of who reads it. */
const MOST_BYTES = 128 * 1024 * 1024

/**
 * Turns of a run in the order they were stored. A turn of an epoch in `limits` counts
 * only up to that sequence. Incomplete and malformed ones are skipped.
 * @throws SpecfleetError `bus.too-large` when they are more than `maxBytes` (default 128 MiB) together.
 */
export async function readTurns(
  bus: Bus,
  specId: SpecId,
  runId: RunId,
  options: { limits?: ReadonlyMap<number, number>; maxBytes?: number } = {},
): Promise<StoredTurn[]> {
  const { maxBytes = MOST_BYTES } = options
  let bytes = 0
  const parts = new PartCollector()
  const turns: StoredTurn[] = []
  for await (const { seq, subject, data, headers } of readSubject(bus, STREAMS.turns, turnsOf(specId, runId))) {
    bytes += data.byteLength
    if (bytes > maxBytes)
      throw new SpecfleetError('bus.too-large', `run ${runId} has stored more than ${maxBytes} bytes`)
    const epoch = parseScopedSubject(subject)?.epoch
    if (epoch === undefined || seq > (options.limits?.get(epoch) ?? Number.POSITIVE_INFINITY)) continue
    const whole = parts.add(subject, headers()[PART_HEADER], data)
    const turn = TurnRecord.safeParse(whole === undefined ? undefined : parseJson(whole))
    if (turn.success) turns.push({ ...turn.data, epoch, seq })
  }
  return turns
}

const turnsOf = (specId: SpecId, runId: RunId): string => subjects.turn({ specId, runId, epoch: '*' })

/** Whether an epoch stored anything of a turn. */
export const hasTurns = (bus: Bus, scope: TurnScope): Promise<boolean> =>
  holdsAny(bus, STREAMS.turns, subjects.turn(scope))

/** Last sequence of the stream that the turns of all runs go to; 0 while there is none. */
export const lastTurnSeq = (bus: Bus): Promise<number> => lastSequence(bus, STREAMS.turns)

/** Removes every turn of a run, of all its epochs. */
export async function purgeTurns(bus: Bus, specId: SpecId, runId: RunId): Promise<void> {
  await purgeSubject(bus, STREAMS.turns, turnsOf(specId, runId))
}
