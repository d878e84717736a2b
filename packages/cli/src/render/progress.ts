import { describeCause, type Fact, PHASES, type Phase, type Trace } from '@specfleet/shared'
import { counted } from './counted.ts'
import { headline } from './headline.ts'
import type { Style } from './style.ts'

type PhaseRow = {
  state: 'pending' | 'active' | 'done' | 'failed'
  attempt: number
  score: number | null
  turns: Set<number>
  toolCalls: number
  startedAt: number | null
  endedAt: number | null
}

const emptyRow = (): PhaseRow => ({
  state: 'pending',
  attempt: 0,
  score: null,
  turns: new Set(),
  toolCalls: 0,
  startedAt: null,
  endedAt: null,
})

/** What a watcher of one run sees, fed by facts and traces in whatever order they come. */
export class ProgressModel {
  readonly #rows = new Map<Phase, PhaseRow>(PHASES.map((phase) => [phase, emptyRow()]))
  #active: Phase | null = null
  #epoch = 0
  #doing = 'queued'

  get doing(): string {
    return this.#doing
  }

  row(phase: Phase): Readonly<PhaseRow> {
    return this.#rows.get(phase) ?? emptyRow()
  }

  #edit(phase: Phase): PhaseRow {
    const row = this.#rows.get(phase) ?? emptyRow()
    this.#rows.set(phase, row)
    return row
  }

  fact(fact: Fact): void {
    const at = Date.parse(fact.at)
    switch (fact.type) {
      case 'run.claimed':
        this.#doing = 'claimed'
        return
      case 'run.fenced':
        this.#epoch = fact.epoch
        this.#doing = fact.epoch === 1 ? 'making the sandbox' : `making the sandbox of epoch ${fact.epoch}`
        return
      case 'run.ready':
        this.#doing = `worker ready after ${Math.round(fact.data.bootMs)} ms`
        return
      case 'run.lost':
        this.#doing = `epoch ${fact.epoch} died: ${describeCause(fact.data.cause)}`
        return
      case 'run.parked':
        this.#doing = `parked: ${headline(fact.data.reason)}`
        return
      case 'run.settled':
        this.#doing = `settled: ${fact.data.outcome}`
        return
      case 'phase.started': {
        const row = this.#edit(fact.data.phase)
        this.#active = fact.data.phase
        row.state = 'active'
        row.attempt = Math.max(row.attempt, fact.data.attempt)
        row.startedAt ??= at
        this.#doing = 'thinking'
        return
      }
      case 'phase.evaluated': {
        const row = this.#edit(fact.data.phase)
        row.attempt = Math.max(row.attempt, fact.data.attempt)
        row.score = fact.data.score
        return
      }
      case 'phase.completed': {
        const row = this.#edit(fact.data.phase)
        row.state = 'done'
        row.attempt = Math.max(row.attempt, fact.data.attempt)
        row.score = fact.data.score
        row.startedAt ??= at
        row.endedAt = at
        return
      }
      case 'phase.failed': {
        const row = this.#edit(fact.data.phase)
        row.state = 'failed'
        row.endedAt = at
        this.#doing = headline(fact.data.reason)
        return
      }
      default:
        return
    }
  }

  trace(trace: Trace): void {
    switch (trace.type) {
      case 'model.called':
        if (trace.data.phase !== undefined) this.#edit(trace.data.phase).turns.add(trace.data.turn)
        return
      case 'tool.called': {
        this.#doing = `${trace.data.tool}: ${trace.data.summary}`
        if (this.#active !== null) this.#edit(this.#active).toolCalls += 1
        return
      }
      default:
        return
    }
  }

  /** One line a phase and one that says what happens now. `now` in milliseconds since the epoch. */
  render(style: Style, options: { now: number; startedAt: number; width: number }): string[] {
    const lines = PHASES.map((phase) => renderRow(phase, this.row(phase), style, options.now))
    const elapsed = `${seconds(options.now - options.startedAt)} elapsed`
    const epoch = this.#epoch > 1 ? ` · epoch ${this.#epoch}` : ''
    const tail = `${elapsed}${epoch} · ${this.#doing}`.replace(/\s+/g, ' ')
    lines.push(style.dim(`  ${tail.length > options.width - 3 ? `${tail.slice(0, options.width - 4)}…` : tail}`))
    return lines
  }
}

const seconds = (ms: number): string => `${(Math.max(0, ms) / 1000).toFixed(1)} s`

function renderRow(phase: Phase, row: Readonly<PhaseRow>, style: Style, now: number): string {
  const mark = {
    pending: style.dim('·'),
    active: style.cyan('▸'),
    done: style.green('✓'),
    failed: style.red('✗'),
  }[row.state]
  const name = phase.padEnd(13)
  if (row.state === 'pending') return `  ${mark} ${style.dim(name.trimEnd())}`
  const cells = [
    row.attempt > 0 ? `attempt ${row.attempt}` : '',
    row.score === null ? '' : `score ${row.score.toFixed(2)}`,
    row.turns.size > 0 ? counted(row.turns.size, 'turn') : '',
    row.toolCalls > 0 ? counted(row.toolCalls, 'tool call') : '',
    row.startedAt === null ? '' : seconds((row.endedAt ?? now) - row.startedAt),
  ]
  const widths = [10, 11, 9, 14, 8]
  const text = cells
    .map((cell, at) => (at === 4 ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0)))
    .join(' ')
  return `  ${mark} ${row.state === 'active' ? style.bold(name) : name} ${text}`.trimEnd()
}

/** One line for a fact, where lines cannot be rewritten; `undefined` for what a reader would not miss. */
export function describeFact(fact: Fact): string | undefined {
  switch (fact.type) {
    case 'spec.submitted':
      return `spec ${fact.specId} submitted: ${fact.data.title}`
    case 'run.claimed':
      return `run ${fact.runId} claimed by ${fact.data.owner}`
    case 'run.fenced':
      return `epoch ${fact.epoch} begins`
    case 'run.spawned':
      return `sandbox ${fact.data.sandboxId} made by ${fact.data.provider}`
    case 'run.ready':
      return `worker ready after ${Math.round(fact.data.bootMs)} ms`
    case 'run.lost':
      return `epoch ${fact.epoch} died: ${describeCause(fact.data.cause)}${fact.data.detail === undefined ? '' : `, ${headline(fact.data.detail)}`}`
    case 'run.adopted':
      return `adopted by ${fact.data.to}`
    case 'run.parked':
      return `parked: ${headline(fact.data.reason)}`
    case 'run.settled':
      return `settled: ${fact.data.outcome}${fact.data.reason === undefined ? '' : `, ${headline(fact.data.reason)}`}`
    case 'phase.started':
      return `${fact.data.phase} started, attempt ${fact.data.attempt}`
    case 'phase.evaluated':
      return `${fact.data.phase} attempt ${fact.data.attempt} ${fact.data.passed ? 'passed' : 'failed'}, score ${fact.data.score.toFixed(2)}`
    case 'phase.completed':
      return `${fact.data.phase} completed, score ${fact.data.score.toFixed(2)}, ${counted(fact.data.usage.turns, 'turn')}, ${counted(fact.data.usage.toolCalls, 'tool call')}`
    case 'phase.failed':
      return `${fact.data.phase} failed: ${headline(fact.data.reason)}`
    case 'run.delivered':
      return `worker says: ${fact.data.outcome}${fact.data.reason === undefined ? '' : `, ${headline(fact.data.reason)}`}`
    case 'agent.asked':
      return `the agent asks: ${fact.data.question}`
    case 'agent.steered':
      return `${fact.data.command} taken by the worker`
    case 'spec.failed':
      return `failed: ${headline(fact.data.reason)}`
    case 'spec.approved':
    case 'spec.rejected':
      return `${fact.data.gate} ${fact.type === 'spec.approved' ? 'approved' : 'rejected'}`
    default:
      return fact.type
  }
}
