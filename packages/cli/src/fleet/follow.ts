import {
  type BusMessage,
  type Fact,
  fold,
  parseFact,
  parseTrace,
  type RunSummary,
  type SpecId,
  type SpecState,
  subjects,
  type Trace,
  WatchAnswer,
} from '@specfleet/shared'
import { type FleetClient, readAnswer } from './client.ts'

const REPLAY_LIMIT_MS = 15_000

export type Followed = {
  onFact?: (fact: Fact) => void
  onTrace?: (trace: Trace) => void
  /** The past has been told; what follows is live. */
  onCaughtUp?: () => void
}

export type Replay = { state: SpecState | undefined; facts: Fact[]; traces: Trace[]; runs: RunSummary[] }

/** The log of a spec so far, folded by the same reducer as everywhere. */
export async function replaySpec(client: FleetClient, specId: SpecId, options: { traces: boolean }): Promise<Replay> {
  const replay: Replay = { state: undefined, facts: [], traces: [], runs: [] }
  const request = { specId, traces: options.traces }
  const parts = client.bus.requestMany(subjects.api('watch'), request, { timeoutMs: REPLAY_LIMIT_MS })
  for await (const part of parts) {
    const answer = readAnswer(part.json(), WatchAnswer)
    for (const entry of answer.facts) {
      const parsed = parseFact(entry.fact)
      if (parsed.kind !== 'fact') continue
      replay.facts.push(parsed.fact)
      replay.state = fold(replay.state, parsed.fact, entry.seq)
    }
    for (const raw of answer.traces) {
      const trace = parseTrace(raw)
      if (trace !== undefined) replay.traces.push(trace)
    }
    if (answer.end) {
      replay.runs = answer.runs
      break
    }
  }
  return replay
}

/**
 * Calls back for everything said of a spec, from its beginning and then live, each once,
 * until the signal aborts. Live messages that come while the past is replayed wait for it.
 */
export async function followSpec(
  client: FleetClient,
  specId: SpecId,
  followed: Followed,
  signal: AbortSignal,
): Promise<void> {
  const seen = new Set<string>()
  let waiting: (() => void)[] | undefined = []
  const once = (id: string, tell: () => void) => {
    if (seen.has(id)) return
    seen.add(id)
    tell()
  }
  const live = (tell: () => void) => (waiting === undefined ? tell() : void waiting.push(tell))
  const onFact = (fact: Fact) => once(fact.id, () => followed.onFact?.(fact))
  const onTrace = (trace: Trace) => once(trace.id, () => followed.onTrace?.(trace))

  using _facts = client.bus.subscribe(subjects.logOfSpec(specId), (message) => {
    const parsed = parseFact(readJson(message))
    if (parsed.kind === 'fact') live(() => onFact(parsed.fact))
  })
  using _traces = client.bus.subscribe(`sf.trace.${specId}.>`, (message) => {
    const trace = parseTrace(readJson(message))
    if (trace !== undefined) live(() => onTrace(trace))
  })
  await client.bus.flush()
  const past = await replaySpec(client, specId, { traces: followed.onTrace !== undefined })
  for (const fact of past.facts) onFact(fact)
  for (const trace of past.traces) onTrace(trace)
  const held = waiting
  waiting = undefined
  for (const tell of held) tell()
  followed.onCaughtUp?.()
  await aborted(signal)
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })

function readJson(message: BusMessage): unknown {
  try {
    return message.json()
  } catch {
    return undefined
  }
}
