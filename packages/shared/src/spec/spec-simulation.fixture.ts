import type { Command } from '../contract/api.ts'
import type { Fact } from '../contract/facts/index.ts'
import type { Phase } from '../contract/phase.ts'
import { decide } from './decide.ts'
import { runDemand } from './demand.ts'
import { isLive, plans, type RunView } from './run-view.ts'
import { COMMANDS, SpecLog, usageOf, verdict } from './spec-log.fixture.ts'
import { isEnded, isOpen, runOf, type SpecState } from './state.ts'
import type { TicketState } from './ticket.ts'

/** One thing that somebody may do next; it appends to the log. */
type Move = (log: SpecLog) => void

/** What the parts of a fleet, and people, could do at a point of a spec's life. */
type Moves = {
  /** The work goes on. */
  onward: Move[]
  /** People and other tasks interfere, sandboxes die. */
  aside: Move[]
  /** Something is given up. */
  end: Move[]
}

/** A valid log: each number chooses among the moves there are, those that go on far more often. */
export function simulate(choices: readonly number[]): Fact[] {
  const log = new SpecLog()
  for (const choice of choices) {
    const chance = choice % 32
    const { onward, aside, end } = movesOf(log)
    const kinds = chance === 0 ? [end, aside, onward] : chance < 5 ? [aside, onward, end] : [onward, aside, end]
    const moves = kinds.find((kind) => kind.length > 0) ?? []
    moves[Math.floor(choice / 32) % moves.length]?.(log)
  }
  return log.facts
}

const FIRST_TASKS: Move[] = [
  (log) => log.submit(),
  (log) => log.submit('task-1', { approval: ['requirements', 'tasks'] }),
  (log) => log.submit('task-1', { kind: 'prompt', requireSpecSkill: true, approval: ['design'] }),
  (log) => log.submit('task-1', { kind: 'prompt' }),
]

const ENDING: readonly Command['command'][] = ['cancel', 'archive']

function movesOf({ state, facts }: SpecLog): Moves {
  if (state === undefined) return { onward: FIRST_TASKS, aside: [], end: [] }
  const allowed = COMMANDS.filter((command) => decide(state, command).ok)
  const commandsThat = (ends: boolean): Move[] =>
    allowed.filter(({ command }) => ENDING.includes(command) === ends).map((command) => (log) => log.command(command))
  const unclaimed = Object.keys(state.submissions).filter((taskId) => runOf(state, taskId) === undefined)
  const runs = state.runs.map((run) => movesOfRun(state, run))
  const giveUp: Move = (log) => log.by('supervisor', 'spec.failed', { reason: 'gave up' })
  return {
    onward: [
      ...(isEnded(state)
        ? []
        : unclaimed.map(
            (taskId): Move =>
              (log) =>
                log.claim(taskId),
          )),
      ...runs.flatMap(({ onward }) => onward),
      ...Object.values(state.tickets).flatMap((ticket) => movesOfTicket(state, ticket)),
    ],
    aside: [...commandsThat(false), ...runs.flatMap(({ aside }) => aside), ...furtherTasks(state, facts.length)],
    end: [...commandsThat(true), ...runs.flatMap(({ end }) => end), ...(isOpen(state) ? [giveUp] : [])],
  }
}

function furtherTasks(state: SpecState, index: number): Move[] {
  if (Object.keys(state.submissions).length > 5) return []
  return [
    (log) => log.submit(`task-${index}`),
    (log) => log.submit(`task-${index}`, { phase: 'design', text: `# Orders ${index}` }),
    (log) => log.submit(`task-${index}`, { kind: 'prompt' }),
    (log) => log.submit(`task-${index}`, { kind: 'ticket' }),
  ]
}

function movesOfRun(state: SpecState, run: RunView): Moves {
  const { runId, epoch, causes } = run
  if (run.settled !== undefined) return { onward: [], aside: [], end: [] }
  const park =
    (reason: string): Move =>
    (log) =>
      log.supervise('run.parked', { causes, reason }, runId)
  if (isLive(run)) {
    const cause = { kind: 'oom' as const }
    const die: Move = (log) => log.supervise('run.lost', { cause, logTail: ['out of memory'] }, runId)
    const spend: Move = (log) => log.by('gateway', 'budget.exhausted', { limit: 'usd', used: 5 }, { runId, epoch })
    return { onward: movesOfWorker(state, run), aside: [die, ...lastWords(run)], end: [spend] }
  }
  const demand = runDemand(state, runId)
  switch (demand.kind) {
    case 'work':
      return { onward: [(log) => log.fence(runId, 10 * log.facts.length)], aside: [], end: [park('too many deaths')] }
    case 'end':
      return { onward: [(log) => log.supervise('run.settled', demand, runId)], aside: [], end: [] }
    case 'parked':
      return { onward: run.parked === undefined ? [park(demand.reason)] : [], aside: [], end: [] }
    case 'hold':
      return { onward: [], aside: [], end: [] }
  }
}

const lastWords = ({ runId, lastTurn }: RunView): Move[] =>
  (['drained', 'budget', 'failed'] as const).map(
    (outcome) => (log) => log.say('run.delivered', { outcome, usage: usageOf(lastTurn + 1) }, runId),
  )

function movesOfWorker(state: SpecState, run: RunView): Move[] {
  const { runId } = run
  if (!run.ready) return [(log) => log.say('run.ready', { bootMs: 40, worker: '0.1.0', path: run.path }, runId)]
  if (plans(run.path)) {
    if (state.lifecycle === 'scoping') return phaseMoves(state.progress, run)
    const outcome = state.lifecycle === 'awaiting-approval' ? 'awaiting-approval' : 'done'
    return [(log) => log.say('run.delivered', { outcome, usage: usageOf(run.lastTurn) }, runId)]
  }
  return [
    (log) => log.say('agent.asked', { question: 'which currency?' }, runId),
    ...(run.path === 'ticket'
      ? deliveries(state, run)
      : [(log: SpecLog) => log.say('run.delivered', { outcome: 'done', usage: usageOf(1) }, runId)]),
  ]
}

function phaseMoves({ phase, evaluations }: { phase: Phase; evaluations: unknown[] }, run: RunView): Move[] {
  const { runId } = run
  const turn = run.lastTurn + 1
  const attempt = evaluations.length + 1
  const failed = { phase, attempts: attempt, turn, reason: `${phase} failed`, usage: usageOf(1) }
  if (attempt > 3) return [(log) => log.say('phase.failed', failed, runId)]
  return [
    (log) => log.say('phase.started', { phase, attempt, turn }, runId),
    (log) => log.complete(phase, runId, turn),
    (log) => log.complete(phase, runId, turn),
    (log) => log.say('phase.evaluated', verdict(phase, attempt, turn), runId),
  ]
}

const deliveries = (state: SpecState, run: RunView): Move[] =>
  Object.values(state.tickets)
    .filter((ticket) => ticket.status === 'started' && ticket.runId === run.runId)
    .map(
      ({ ticketId }) =>
        (log) =>
          log.say('ticket.delivered', { ticketId, commit: 'abc' }, run.runId),
    )

function movesOfTicket(state: SpecState, { ticketId, status }: TicketState): Move[] {
  if (state.lifecycle !== 'planned' && state.lifecycle !== 'executing') return []
  const runs = state.runs.filter((run) => run.path === 'ticket' && isLive(run))
  switch (status) {
    case 'planned':
    case 'conflicted':
    case 'failed':
      return [(log) => log.by('integrator', 'ticket.queued', { ticketId })]
    case 'queued':
      return runs.map(
        ({ runId, epoch }) =>
          (log) =>
            log.by('supervisor', 'ticket.started', { ticketId }, { runId, epoch }),
      )
    case 'started':
      return [(log) => log.by('integrator', 'ticket.failed', { ticketId, reason: 'tests fail' })]
    case 'delivered':
      return [
        (log) => log.by('integrator', 'ticket.merged', { ticketId, commit: 'def' }),
        (log) => log.by('integrator', 'ticket.conflicted', { ticketId, files: ['src/orders.ts'] }),
      ]
    case 'merged':
      return [(log) => log.by('integrator', 'ticket.validated', { ticketId })]
    case 'validated':
      return [(log) => log.by('integrator', 'spec.completed', {})]
    case 'withdrawn':
      return []
  }
}
