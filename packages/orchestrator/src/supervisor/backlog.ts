import type { ProjectId, RunId, RunRecord, SpecId } from '@specfleet/shared'
import { isOwned, PRIORITIES, type Priority } from '@specfleet/shared'
import { before, NOBODY_PASSED_OVER, type PassedOver, passing, prioritiesInTurn } from './fair-share.ts'
import { type QueuedRun, queuedRun } from './world.ts'

export type Choice = {
  /** Runs that are on their way into a slot: they count as served, and are not chosen again. */
  readonly inHand: ReadonlySet<RunId>
  /** Who is held, or has nothing to do any more, keeps the place and is passed over. */
  readonly mayStart: (run: QueuedRun) => boolean
  /** Told of each as it is chosen: fewer of the others may start then, never more. */
  readonly onChosen?: (run: QueuedRun) => void
}

/** Of one project and priority, by their places. */
type Line = QueuedRun[]
type Candidate = { readonly run: QueuedRun; readonly holding: number; readonly lastServed: number }

/** What will have been served when that which is decided has happened. */
class Plan {
  /** Of each project. */
  readonly starts = new Map<ProjectId, number>()
  readonly lastServed = new Map<ProjectId, number>()
  passedOver: PassedOver
  readonly #mayStart: (run: QueuedRun) => boolean
  readonly #decided = new Set<QueuedRun>()
  /** How far each line has been looked through: who was passed over once is passed over for the rest of the plan. */
  readonly #looked = new Map<Line, number>()
  #count: number

  constructor(count: number, passedOver: PassedOver, mayStart: (run: QueuedRun) => boolean) {
    this.#count = count
    this.passedOver = passedOver
    this.#mayStart = mayStart
  }

  headOf(line: Line): QueuedRun | undefined {
    for (let at = this.#looked.get(line) ?? 0; ; at += 1) {
      this.#looked.set(line, at)
      const run = line[at]
      if (run === undefined || (!this.#decided.has(run) && this.#mayStart(run))) return run
    }
  }

  serve(run: QueuedRun, waits: (priority: Priority) => boolean): void {
    const { priority, projectId } = run
    this.passedOver = passing(this.passedOver, priority, waits)
    this.#count += 1
    this.#decided.add(run)
    this.starts.set(projectId, (this.starts.get(projectId) ?? 0) + 1)
    this.lastServed.set(projectId, this.#count)
  }
}

/**
 * The runs of the whole fleet that wait for their first slot, and who of them is next.
 * It is fed by the run records, so every orchestrator comes to the same order.
 */
export class Backlog {
  readonly #waiting = new Map<RunId, QueuedRun>()
  readonly #bySpec = new Map<SpecId, Set<RunId>>()
  readonly #lines: Record<Priority, Map<ProjectId, Line>> = { high: new Map(), normal: new Map(), low: new Map() }
  readonly #sizes: Record<Priority, number> = { high: 0, normal: 0, low: 0 }
  /** The project of each run that has a slot, here or elsewhere. */
  readonly #holders = new Map<RunId, ProjectId>()
  readonly #holding = new Map<ProjectId, number>()
  /** Of each project that waits or holds a slot: the number of the start by which it was served last. */
  readonly #lastServed = new Map<ProjectId, number>()
  #starts = 0
  #passedOver = NOBODY_PASSED_OVER

  get(runId: RunId): QueuedRun | undefined {
    return this.#waiting.get(runId)
  }

  /** In the order in which they came to be known. */
  all(): Iterable<QueuedRun> {
    return this.#waiting.values()
  }

  ofSpec(specId: SpecId): QueuedRun[] {
    return [...(this.#bySpec.get(specId) ?? [])].flatMap((runId) => this.#waiting.get(runId) ?? [])
  }

  size(priority: Priority): number {
    return this.#sizes[priority]
  }

  /** Takes note of a record as it is now. */
  saw(run: RunRecord): void {
    if (run.state === 'queued') {
      if (!this.#waiting.has(run.runId)) this.#add(queuedRun(run))
      return
    }
    const waited = this.#remove(run.runId)
    this.#hold(run.runId, isOwned(run) ? run.task.projectId : undefined)
    if (waited === undefined) return
    if (isOwned(run)) this.#serve(waited)
    this.#forgetIfGone(waited.projectId)
  }

  gone(runId: RunId): void {
    const waited = this.#remove(runId)
    this.#hold(runId, undefined)
    if (waited !== undefined) this.#forgetIfGone(waited.projectId)
  }

  /** The next ones, up to `most`, first come those that are to start first. */
  next(most: number, { inHand, mayStart, onChosen }: Choice): QueuedRun[] {
    if (most <= 0 || this.#waiting.size === 0) return []
    const plan = new Plan(this.#starts, this.#passedOver, (run) => !inHand.has(run.runId) && mayStart(run))
    for (const runId of inHand) {
      const run = this.#waiting.get(runId)
      if (run !== undefined) plan.serve(run, this.#waits)
    }
    const chosen: QueuedRun[] = []
    while (chosen.length < most) {
      const run = this.#first(plan)
      if (run === undefined) break
      plan.serve(run, this.#waits)
      chosen.push(run)
      onChosen?.(run)
    }
    return chosen
  }

  readonly #waits = (priority: Priority): boolean => this.#sizes[priority] > 0

  #serve({ priority, projectId }: QueuedRun): void {
    this.#passedOver = passing(this.#passedOver, priority, this.#waits)
    this.#starts += 1
    this.#lastServed.set(projectId, this.#starts)
  }

  #first(plan: Plan): QueuedRun | undefined {
    for (const priority of prioritiesInTurn(plan.passedOver)) {
      let best: Candidate | undefined
      for (const [project, line] of this.#lines[priority]) {
        const run = plan.headOf(line)
        if (run === undefined) continue
        const holding = (this.#holding.get(project) ?? 0) + (plan.starts.get(project) ?? 0)
        const lastServed = plan.lastServed.get(project) ?? this.#lastServed.get(project) ?? 0
        const candidate = { run, holding, lastServed }
        if (best === undefined || before(candidate, best)) best = candidate
      }
      if (best !== undefined) return best.run
    }
    return undefined
  }

  #add(run: QueuedRun): void {
    this.#waiting.set(run.runId, run)
    this.#sizes[run.priority] += 1
    const runs = this.#bySpec.get(run.specId) ?? new Set()
    this.#bySpec.set(run.specId, runs.add(run.runId))
    const lines = this.#lines[run.priority]
    const line = lines.get(run.projectId) ?? []
    lines.set(run.projectId, line)
    // Most come in the order of their places.
    let at = line.length
    while (at > 0 && comesAfter(line[at - 1], run)) at -= 1
    line.splice(at, 0, run)
  }

  #remove(runId: RunId): QueuedRun | undefined {
    const run = this.#waiting.get(runId)
    if (run === undefined) return undefined
    this.#waiting.delete(runId)
    this.#sizes[run.priority] -= 1
    const runs = this.#bySpec.get(run.specId)
    runs?.delete(runId)
    if (runs?.size === 0) this.#bySpec.delete(run.specId)
    const lines = this.#lines[run.priority]
    const line = lines.get(run.projectId)
    // Most leave from the front.
    line?.splice(line.indexOf(run), 1)
    if (line?.length === 0) lines.delete(run.projectId)
    return run
  }

  /** `project`: of a run that has a slot; else it has none, or none any more. */
  #hold(runId: RunId, project: ProjectId | undefined): void {
    const held = this.#holders.get(runId)
    if (held === project) return
    if (held !== undefined) {
      const left = (this.#holding.get(held) ?? 1) - 1
      if (left > 0) this.#holding.set(held, left)
      else this.#holding.delete(held)
      this.#holders.delete(runId)
      this.#forgetIfGone(held)
    }
    if (project === undefined) return
    this.#holders.set(runId, project)
    this.#holding.set(project, (this.#holding.get(project) ?? 0) + 1)
  }

  /** Of a project that neither waits for a slot nor has one, nothing is remembered. */
  #forgetIfGone(project: ProjectId): void {
    if (this.#holding.has(project) || PRIORITIES.some((priority) => this.#lines[priority].has(project))) return
    this.#lastServed.delete(project)
  }
}

const comesAfter = (one: QueuedRun | undefined, other: QueuedRun): boolean =>
  one !== undefined && (one.place > other.place || (one.place === other.place && one.runId > other.runId))
