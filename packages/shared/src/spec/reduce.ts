import { type Fact, type FactType, WORKER_FACT_TYPES } from '../contract/facts/index.ts'
import { type FactOf, refuse, withRun } from './reduce/changes.ts'
import { reducePhase } from './reduce/phase.ts'
import { reduceRun, reduceWord } from './reduce/run.ts'
import { createSpec, reduceSpec } from './reduce/spec.ts'
import { reduceDelivery, reduceTicket } from './reduce/ticket.ts'
import { isEnded, runOf, type SpecState } from './state.ts'

/**
 * The reducer: a spec's state is the fold of its log. Pure and total.
 *
 * 1. `seq`, the log's own sequence, makes it idempotent: an entry that was folded is not folded again.
 * 2. A kind that workers may state counts only by a worker, any other only by a trusted part.
 * 3. A worker is heard only in the current epoch of a run that is not settled, and each `seq`
 *    of its own once and in order. What is stale or repeated is ignored in silence; what a
 *    sandbox may never state is counted in `refused`.
 * 4. What a trusted part says too late, twice or out of turn changes nothing.
 * 5. Only what changes is copied: a fact costs the same however large the plan is.
 */
export function fold(state: SpecState | undefined, fact: Fact, seq: number): SpecState | undefined {
  if (state === undefined) {
    if (fact.type !== 'spec.submitted' || fact.by === 'worker' || isUnkeyable(fact)) return undefined
    return createSpec(fact, seq)
  }
  if (seq <= state.foldedTo) return state
  return { ...apply(state, fact, seq), foldedTo: seq }
}

/** Counts an entry of the log that is no fact of this spec: malformed, or under another's subject. */
export function foldRefused(state: SpecState | undefined, reason: string, seq: number): SpecState | undefined {
  if (state === undefined || seq <= state.foldedTo) return state
  return { ...refuse(state, reason), foldedTo: seq }
}

type WorkerFact = FactOf<(typeof WORKER_FACT_TYPES)[number]>
const WORKER_TYPES: ReadonlySet<string> = new Set(WORKER_FACT_TYPES)
const isWorkers = (fact: Fact): fact is WorkerFact => WORKER_TYPES.has(fact.type)

/** Tasks are kept by id, and a JSON object cannot be trusted with this key. */
const isUnkeyable = (fact: Fact): boolean => 'taskId' in fact.data && fact.data.taskId === '__proto__'

function apply(state: SpecState, fact: Fact, seq: number): SpecState {
  if (fact.specId !== state.specId) return refuse(state, `${fact.type} names spec ${fact.specId}`)
  if (isUnkeyable(fact)) return refuse(state, `${fact.type} names an id that cannot be kept`)
  if (isWorkers(fact)) {
    return fact.by === 'worker'
      ? hear(state, fact)
      : refuse(state, `${fact.type} is for workers to state, not for ${fact.by}`)
  }
  if (fact.by === 'worker') return refuse(state, `${fact.type} is not for workers to state`)
  if (isEnded(state) || !MEANT_ONCE.has(fact.type)) return applyTrusted(state, fact, seq)
  if (state.heard.includes(fact.id)) return state
  return applyTrusted({ ...state, heard: [...state.heard, fact.id].slice(-HEARD_KEPT) }, fact, seq)
}

/**
 * Kinds that mean something new when they are read again later: a repeated rejection would
 * reject the next result. The log may hold one fact twice, since the server's duplicate
 * detection does not outlive a restart.
 */
const MEANT_ONCE: ReadonlySet<string> = new Set<FactType>([
  'spec.edited',
  'spec.approved',
  'spec.rejected',
  'spec.paused',
  'spec.resumed',
  'spec.failed',
  'run.parked',
  'budget.exhausted',
])
const HEARD_KEPT = 32

function applyTrusted(state: SpecState, fact: Exclude<Fact, WorkerFact>, seq: number): SpecState {
  switch (fact.type) {
    case 'spec.submitted':
    case 'spec.edited':
    case 'spec.approved':
    case 'spec.rejected':
    case 'spec.paused':
    case 'spec.resumed':
    case 'spec.cancelled':
    case 'spec.completed':
    case 'spec.failed':
    case 'spec.archived':
      return reduceSpec(state, fact)
    case 'run.claimed':
    case 'run.fenced':
    case 'run.lost':
    case 'run.adopted':
    case 'run.parked':
    case 'run.refused':
    case 'run.settled':
    case 'budget.reserved':
    case 'budget.settled':
    case 'budget.exhausted':
      return reduceRun(state, fact, seq)
    case 'ticket.queued':
    case 'ticket.started':
    case 'ticket.merged':
    case 'ticket.conflicted':
    case 'ticket.validated':
    case 'ticket.failed':
      return reduceTicket(state, fact)
    // Of interest to whoever reads the log; they decide nothing.
    case 'run.spawned':
      return state
  }
}

/** Listens to a worker, if it is the one that may speak. */
function hear(state: SpecState, fact: WorkerFact): SpecState {
  const run = runOf(state, fact.runId)
  if (run === undefined) return refuse(state, `${fact.type} of a run that was not claimed`)
  if (run.settled !== undefined || fact.epoch < run.epoch) return state
  if (fact.epoch > run.epoch || run.epoch === 0) return refuse(state, `${fact.type} of an epoch that was not begun`)
  if (fact.seq <= run.lastSeq) return state
  const heard = { ...run, lastSeq: fact.seq }
  if (run.delivered !== undefined)
    return refuse(withRun(state, heard), `${fact.type} behind the last word of its epoch`)
  switch (fact.type) {
    case 'run.ready':
    case 'run.delivered':
      return reduceWord(state, heard, fact)
    case 'phase.started':
    case 'phase.evaluated':
    case 'phase.completed':
    case 'phase.failed':
      return reducePhase(state, heard, fact)
    case 'ticket.delivered':
      return reduceDelivery(state, heard, fact)
    case 'agent.steered':
    case 'agent.asked':
      return withRun(state, heard)
  }
}
