import { setTimeout as pause } from 'node:timers/promises'
import {
  type BusMessage,
  type Fact,
  fold,
  foldRefused,
  parseTrace,
  type RunSummary,
  readEntry,
  SpecfleetError,
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

/**
 * The log of a spec so far, folded by the same reducer as everywhere.
 * @throws SpecfleetError `bus.timeout` when it did not come to its end
 */
export async function replaySpec(client: FleetClient, specId: SpecId, options: { traces: boolean }): Promise<Replay> {
  const replay: Replay = { state: undefined, facts: [], traces: [], runs: [] }
  const request = { specId, traces: options.traces }
  const parts = client.bus.requestMany(subjects.api('watch'), request, { timeoutMs: REPLAY_LIMIT_MS })
  for await (const part of parts) {
    const answer = readAnswer(part.json(), WatchAnswer)
    for (const entry of answer.facts) {
      const read = readEntry(entry.subject, entry.fact)
      if (read.kind === 'refused') replay.state = foldRefused(replay.state, read.reason, entry.seq)
      if (read.kind !== 'fact') continue
      replay.facts.push(read.fact)
      replay.state = fold(replay.state, read.fact, entry.seq)
    }
    for (const raw of answer.traces) {
      const trace = parseTrace(raw)
      if (trace !== undefined) replay.traces.push(trace)
    }
    if (answer.end) return { ...replay, runs: answer.runs }
  }
  throw new SpecfleetError('bus.timeout', `no orchestrator told the log of ${specId} to its end`)
}

/**
 * Calls back for everything said of a spec, from its beginning and then live, each once,
 * until the signal aborts. Live messages that come while the past is replayed wait for it.
 * Once it has caught up it outlives the loss of the bus: what was missed is replayed.
 * @throws SpecfleetError when the past cannot be had at the start
 */
export async function followSpec(
  client: FleetClient,
  specId: SpecId,
  followed: Followed,
  signal: AbortSignal,
): Promise<void> {
  const feed = new Feed(followed)
  using _facts = client.bus.subscribe(subjects.logOfSpec(specId), (message) => {
    const read = readEntry(message.subject, readJson(message))
    if (read.kind === 'fact') feed.live({ fact: read.fact })
  })
  using _traces = client.bus.subscribe(`sf.trace.${specId}.>`, (message) => {
    const trace = parseTrace(readJson(message))
    if (trace !== undefined) feed.live({ trace })
  })
  let again = Promise.withResolvers<void>()
  using _reconnects = client.bus.onReconnect(() => {
    feed.hold()
    again.resolve()
  })
  const catchUp = async () => {
    await client.bus.flush()
    feed.past(await replaySpec(client, specId, { traces: followed.onTrace !== undefined }))
  }
  await catchUp()
  followed.onCaughtUp?.()
  const over = aborted(signal)
  for (;;) {
    await Promise.race([again.promise, over])
    if (signal.aborted) return
    again = Promise.withResolvers()
    while (!signal.aborted && !(await succeeds(catchUp))) await Promise.race([over, pause(CATCH_UP_AGAIN_MS)])
  }
}

/** The fleet's own connections may take longer to come back than ours. */
const CATCH_UP_AGAIN_MS = 250

/** Whether it went well; what is retryable may go better later. */
async function succeeds(work: () => Promise<void>): Promise<boolean> {
  try {
    await work()
    return true
  } catch (error) {
    if (error instanceof SpecfleetError && error.retryable) return false
    throw error
  }
}

type Said = { fact: Fact } | { trace: Trace }

/** Tells each thing once, in order: while the past is on its way, what comes live waits. */
class Feed {
  readonly #followed: Followed
  readonly #told = new Set<string>()
  #waiting: Said[] | undefined = []

  constructor(followed: Followed) {
    this.#followed = followed
  }

  hold(): void {
    this.#waiting ??= []
  }

  live(said: Said): void {
    if (this.#waiting === undefined) this.#tell(said)
    else this.#waiting.push(said)
  }

  past({ facts, traces }: Replay): void {
    for (const fact of facts) this.#tell({ fact })
    for (const trace of traces) this.#tell({ trace })
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    for (const said of waiting) this.#tell(said)
  }

  #tell(said: Said): void {
    const { id } = 'fact' in said ? said.fact : said.trace
    if (this.#told.has(id)) return
    this.#told.add(id)
    if ('fact' in said) this.#followed.onFact?.(said.fact)
    else this.#followed.onTrace?.(said.trace)
  }
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
