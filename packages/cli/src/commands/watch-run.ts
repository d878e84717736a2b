import type { Fact, SpecId, Trace } from '@specfleet/shared'
import type { FleetClient } from '../fleet/client.ts'
import { followSpec } from '../fleet/follow.ts'
import { describeFact, ProgressModel } from '../render/progress.ts'
import type { Terminal } from '../terminal.ts'
import type { Outcome } from './context.ts'

/** How often elapsed times move on a terminal. Facts are drawn at once. */
const REDRAW_MS = 100

/** How a watched run ended, from its point of view. */
export type WatchEnd =
  /** `result` is what a plain prompt was answered with. */
  | { kind: 'done' | 'failed' | 'cancelled'; reason: string | undefined; result: string | undefined }
  | { kind: 'parked'; reason: string }
  | { kind: 'awaiting-approval'; phase: string | undefined }
  | { kind: 'stopped' }

/**
 * Shows one run until it settles, parks or waits for a person, or the signal aborts; without a run's
 * id, the spec's latest, whichever that becomes. On a terminal the phases are redrawn in place,
 * elsewhere each fact is a line.
 */
export async function watchRun(
  client: FleetClient,
  { specId, runId }: { specId: SpecId; runId?: string },
  terminal: Terminal,
  options: { signal: AbortSignal; json?: boolean; startedAt?: number },
): Promise<WatchEnd> {
  let model = new ProgressModel()
  let followed = runId
  const over = new AbortController()
  let end: WatchEnd = { kind: 'stopped' }
  let result: string | undefined
  let caughtUp = false
  const startedAt = options.startedAt ?? Date.now()
  const draw = () => terminal.live(model.render(terminal.style, { now: Date.now(), startedAt, width: terminal.width }))
  const onFact = (fact: Fact) => {
    if (options.json === true) terminal.printJsonLine(fact)
    if (runId === undefined && fact.type === 'run.claimed') {
      followed = fact.runId
      model = new ProgressModel()
    }
    if (fact.runId !== followed && fact.runId !== '-') return
    model.fact(fact)
    const line = options.json === true || terminal.interactive ? undefined : describeFact(fact)
    if (line !== undefined) terminal.print(`${fact.at.slice(11, 23)}  ${line}`)
    if (fact.type === 'run.delivered') result = fact.data.result
    const final = runId !== undefined && isSettled(end)
    if (!final) end = TAKES_BACK.has(fact.type) ? { kind: 'stopped' } : (endOf(fact, result) ?? end)
    stopWhenOver()
  }
  // An end within the past may have been taken back by a later epoch, so the past is read to its end first.
  const stopWhenOver = () => {
    if (caughtUp && end.kind !== 'stopped') over.abort()
  }
  const onCaughtUp = () => {
    caughtUp = true
    stopWhenOver()
  }
  const onTrace = (trace: Trace) => {
    if (trace.runId === followed) model.trace(trace)
  }
  const redraw = setInterval(draw, REDRAW_MS)
  try {
    await followSpec(client, specId, { onFact, onTrace, onCaughtUp }, AbortSignal.any([options.signal, over.signal]))
  } finally {
    clearInterval(redraw)
    draw()
    terminal.settle()
  }
  return end
}

/** Behind these an earlier end of a spec is none any more; a run that is settled stays so. */
const TAKES_BACK: ReadonlySet<Fact['type']> = new Set([
  'run.claimed',
  'run.fenced',
  'spec.submitted',
  'spec.resumed',
  'spec.approved',
  'spec.rejected',
  'spec.edited',
])

const isSettled = ({ kind }: WatchEnd): boolean => kind === 'done' || kind === 'failed' || kind === 'cancelled'

function endOf(fact: Fact, result: string | undefined): WatchEnd | undefined {
  switch (fact.type) {
    case 'run.settled':
      return { kind: fact.data.outcome, reason: fact.data.reason, result }
    // A task that was refused behind the queue never becomes a run.
    case 'spec.failed':
      return { kind: 'failed', reason: fact.data.reason, result }
    case 'run.parked':
      return { kind: 'parked', reason: fact.data.reason }
    case 'run.delivered':
      return fact.data.outcome === 'awaiting-approval'
        ? { kind: 'awaiting-approval', phase: fact.data.phase }
        : undefined
    default:
      return undefined
  }
}

/** Says how it ended and gives the exit code for it. */
export function outcomeOf(end: WatchEnd, terminal: Terminal): Outcome {
  const { style } = terminal
  switch (end.kind) {
    case 'done':
      if (end.result !== undefined) terminal.print(`\n${end.result}`)
      return 0
    case 'failed':
    case 'cancelled':
      terminal.note(style.red(`the run ${end.kind === 'failed' ? 'failed' : 'was cancelled'}${reasonOf(end.reason)}`))
      return 1
    case 'parked':
      terminal.note(style.red(`the run is parked${reasonOf(end.reason)}; \`specfleet retry SPEC\` goes on`))
      return 1
    case 'awaiting-approval':
      terminal.note(style.yellow(`waiting for approval of ${end.phase ?? 'a phase'}: \`specfleet approve SPEC\``))
      return 0
    case 'stopped':
      terminal.note('stopped watching; the run goes on')
      return 0
  }
}

const reasonOf = (reason: string | undefined): string => (reason === undefined ? '' : `: ${reason}`)
