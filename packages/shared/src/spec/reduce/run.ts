import { NO_USAGE } from '../../contract/usage.ts'
import { reserved, settled as settledCall } from '../charges.ts'
import { baseOf, hasPlan, planningState } from '../lifecycle.ts'
import { plans, type RunView } from '../run-view.ts'
import { entryOf, isEnded, isOpen, runOf, type SpecState } from '../state.ts'
import { type FactOf, larger, withRun, withSpending } from './changes.ts'

type RunFact = FactOf<
  | 'run.claimed'
  | 'run.fenced'
  | 'run.lost'
  | 'run.adopted'
  | 'run.parked'
  | 'run.refused'
  | 'run.settled'
  | 'budget.reserved'
  | 'budget.settled'
  | 'budget.exhausted'
>

/** Causes of death that are kept; the log has all. */
const MAX_CAUSES = 100

/** What trusted parts say of runs. Said twice or too late, it changes nothing. */
export function reduceRun(state: SpecState, fact: RunFact, seq: number): SpecState {
  if (fact.type === 'run.claimed') return claimed(state, fact)
  const run = runOf(state, fact.runId)
  if (fact.type === 'run.refused') return run === undefined ? state : withRun(state, refused(run, fact))
  if (run === undefined || run.settled !== undefined || isOfOneReplaced(fact, run)) return state
  switch (fact.type) {
    case 'run.fenced':
      return fact.epoch > run.epoch ? withRun(state, fenced(run, fact, seq)) : state
    case 'run.lost':
      return fact.epoch > run.lostUpTo && fact.epoch <= run.epoch ? withRun(state, lost(run, fact)) : state
    case 'run.adopted':
      return fact.epoch === run.epoch ? withRun(state, { ...run, owner: fact.data.to }) : state
    case 'run.parked':
      return withRun(state, { ...run, parked: { reason: fact.data.reason } })
    case 'budget.reserved':
      return withRun(state, { ...run, charges: reserved(run.charges, fact.data.callId, fact.data.usd) })
    case 'budget.settled': {
      const { callId, usd, replied } = fact.data
      return withRun(state, { ...run, charges: settledCall(run.charges, callId, usd, replied) })
    }
    case 'budget.exhausted':
      return withRun(state, { ...run, exhausted: fact.data.limit })
    case 'run.settled':
      return settled(state, run, fact)
  }
}

/** A verdict on an incarnation, by an owner that slept while another began the next one: it is not about that one. */
const isOfOneReplaced = ({ type, epoch }: RunFact, run: RunView): boolean =>
  (type === 'run.parked' || type === 'run.settled') && epoch < run.epoch

function claimed(state: SpecState, { runId, data }: FactOf<'run.claimed'>): SpecState {
  const submission = entryOf(state.submissions, data.taskId)
  if (submission === undefined || runId === '-' || isEnded(state) || runOf(state, runId)) return state
  const { taskId, kind, path } = submission
  const run: RunView = {
    runId,
    taskId,
    kind,
    path,
    epoch: 0,
    owner: data.owner,
    fences: [],
    lastSeq: 0,
    staleUpTo: 0,
    lastTurn: 0,
    ready: false,
    lostUpTo: 0,
    causes: [],
    phaseUsage: NO_USAGE,
    usage: NO_USAGE,
  }
  const next = { ...state, runs: [...state.runs, run] }
  if (submission.refused !== undefined) return next
  if (plans(path)) return planningBegun({ ...next, planner: runId })
  const isIdle = next.lifecycle === 'backlog' || (next.lifecycle === 'failed' && next.stage === 'prompt')
  return isIdle && !hasPlan(next) ? promptBegun(next) : next
}

/** What had failed is tried again and attempts are counted anew, but a plan in execution stays as it is. */
function planningBegun(state: SpecState): SpecState {
  const isExecuted =
    (state.lifecycle === 'failed' && state.stage === 'execution') ||
    (state.lifecycle === 'executing' && state.work === 'tickets')
  if (isExecuted) return state
  const next = planningState(baseOf(state), isOpen(state) && state.paused)
  const feedback = state.lifecycle === 'scoping' ? state.progress.feedback : undefined
  if (next.lifecycle !== 'scoping' || feedback === undefined) return next
  return { ...next, progress: { ...next.progress, feedback } }
}

const promptBegun = (state: SpecState): SpecState => ({
  ...baseOf(state),
  lifecycle: 'executing',
  paused: isOpen(state) && state.paused,
  work: 'prompt',
})

/** A new incarnation: what the last one was and said is over. */
function fenced(run: RunView, { epoch, data }: FactOf<'run.fenced'>, seq: number): RunView {
  const { delivered: _lastWord, parked: _parked, ...kept } = run
  const fence = { epoch, turnsUpTo: data.turnsUpTo, seq }
  return { ...kept, epoch, owner: data.owner, fences: [...run.fences, fence], lastSeq: 0, ready: false }
}

function lost(run: RunView, { epoch, data }: FactOf<'run.lost'>): RunView {
  return { ...run, lostUpTo: epoch, causes: [...run.causes, data.cause].slice(-MAX_CAUSES) }
}

/** Of any epoch, and behind the end too: a zombie is refused when its run is long over. */
function refused(run: RunView, { id, data: { by, count, lastReason } }: FactOf<'run.refused'>): RunView {
  if (run.refusals?.told === id) return run
  const before = run.refusals?.by ?? {}
  const sum = Math.min((before[by]?.count ?? 0) + count, Number.MAX_SAFE_INTEGER)
  return { ...run, refusals: { by: { ...before, [by]: { count: sum, lastReason } }, told: id } }
}

function settled(state: SpecState, run: RunView, { data, at }: FactOf<'run.settled'>): SpecState {
  const { outcome, reason } = data
  const { parked: _parked, ...kept } = run
  const next = withRun(state, { ...kept, settled: { outcome, ...(reason === undefined ? {} : { reason }) } })
  if (!isOpen(next) || !endsSpec(next, run)) return next
  const base = baseOf(next)
  if (hasPlan(next))
    return {
      ...base,
      lifecycle: 'failed',
      stage: 'planning',
      reason: reason ?? `its run ended ${outcome}, without a plan`,
    }
  if (outcome === 'failed') return { ...base, lifecycle: 'failed', stage: 'prompt', reason: reason ?? 'its run failed' }
  return { ...base, lifecycle: outcome === 'done' ? 'completed' : 'cancelled', endedAt: at }
}

/** A plan stands or falls with the run that makes it; prompts are over when the last of them is. */
function endsSpec(state: SpecState, run: RunView): boolean {
  if (hasPlan(state)) return run.runId === state.planner && isPlanning(state)
  const over = new Set(state.runs.flatMap(({ settled: end, taskId }) => (end ? [taskId] : [])))
  return Object.values(state.submissions).every(({ taskId }) => over.has(taskId))
}

const isPlanning = ({ lifecycle }: SpecState): boolean =>
  lifecycle === 'backlog' || lifecycle === 'scoping' || lifecycle === 'awaiting-approval'

/** What a worker says of itself. `run` is already moved on to this fact's `seq`. */
export function reduceWord(state: SpecState, run: RunView, fact: FactOf<'run.ready' | 'run.delivered'>): SpecState {
  if (fact.type === 'run.ready') return withRun(state, { ...run, ready: true })
  const { outcome, reason, usage } = fact.data
  const delivered = { outcome, ...(reason === undefined ? {} : { reason }), usage }
  const lastTurn = Math.max(run.lastTurn, usage.turns)
  return withSpending(state, { ...run, delivered, lastTurn, usage: larger(run.usage, usage) })
}
