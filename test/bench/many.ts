/**
 * Many specs on few slots: two orchestrators, each a process of its own, share a queue of several projects and
 * priorities, while some specs are paused and cancelled. The engine is simulated, so that what is measured is how
 * well slots are used, and not how fast the machine computes.
 */
import { hostNowMs, openTaskQueue, type Priority, subjects, type TaskInput } from '@specfleet/shared'
import type { Benchmark, Growth, GrowthRow } from './benchmark.ts'
import { fleetEnvironment } from './fleet-environment.ts'
import { Settlements } from './many-settlements.ts'
import { type BenchProcess, startProcess } from './scale-processes.ts'
import { askFor, Lives, SelfPortrait, wire } from './scale-wire.ts'
import { openStage, type Stage } from './stage.ts'
import { summarise } from './statistics.ts'

const SPECS = 200
const SLOTS_EACH = 8
const PROJECTS = ['amber', 'birch', 'cedar', 'delta', 'elder']
const SHORTEST_MS = 1_000
const LONGEST_MS = 3_000
const ROUNDS = 2
/** Of every so many specs one is paused, and goes on when half of all are done. */
const PAUSED = 25
const CANCELLED = 20
/** When memory is looked at, in hundredths of the specs. */
const LOOKS = [0, 25, 50, 75, 100]
const LONGEST_ROUND_MS = 300_000
/** Further than this the heap may not grow from the first quarter to the end, in MiB. */
const FLAT_MIB = 5

export const many: Benchmark = {
  name: 'many',
  about: `${SPECS} specs of ${PROJECTS.length} projects on ${2 * SLOTS_EACH} slots of two orchestrators`,
  async run(signal) {
    const rounds: Round[] = []
    for (let seed = 1; seed <= ROUNDS; seed += 1) {
      signal.throwIfAborted()
      rounds.push(await playRound(seed, signal))
      console.error(`many: ${describe(rounds.at(-1))}`)
    }
    const ideal = { name: 'slot time / slots', summary: summarise(rounds.map(({ idealMs }) => idealMs)) }
    const ours = summarise(rounds.map(({ makespanMs }) => makespanMs))
    return {
      figures: [{ name: 'makespan', unit: 'ms', ours, engine: ideal, ratioAtMost: 1.15 }],
      growth: growthOf(rounds),
    }
  },
}

type Round = {
  /** From the first task in the queue to the last run settled. */
  readonly makespanMs: number
  /** What the sandboxes lived, shared evenly by all slots. */
  readonly idealMs: number
  /** Of both orchestrators, at each look. */
  readonly memory: readonly (readonly SelfPortrait[])[]
}

const describe = (round: Round | undefined): string =>
  round === undefined ? '' : `${(round.makespanMs / 1_000).toFixed(1)} s, ideal ${(round.idealMs / 1_000).toFixed(1)} s`

async function playRound(seed: number, signal: AbortSignal): Promise<Round> {
  await using stack = new AsyncDisposableStack()
  const stage = stack.use(await openStage())
  const env = { ...(await fleetEnvironment(stage)), SPECFLEET_SLOTS: String(SLOTS_EACH), LOG_LEVEL: 'warn' }
  const start = async (file: string, args: number[]): Promise<BenchProcess> =>
    stack.use(await startProcess(file, args.map(String), env))
  const processes = [
    await start('many-engine.ts', [seed, SHORTEST_MS, LONGEST_MS]),
    await start('scale-orchestrator.ts', [1]),
    await start('scale-orchestrator.ts', [1]),
  ]
  const limit = AbortSignal.any([signal, AbortSignal.timeout(LONGEST_ROUND_MS)])
  return await Promise.race([measure(stage, limit), ...processes.map(({ broken }) => broken)])
}

const idOf = (n: number): string => `spec-${n}`
const priorityOf = (n: number): Priority => (n % 10 === 3 ? 'high' : n % 5 === 4 ? 'low' : 'normal')
const taskOf = (n: number): TaskInput => ({
  kind: 'prompt',
  text: `# Spec ${n}`,
  taskId: idOf(n),
  specId: idOf(n),
  projectId: PROJECTS[n % PROJECTS.length] ?? 'amber',
  priority: priorityOf(n),
})
const every = (nth: number, offset: number): string[] =>
  Array.from({ length: SPECS }, (_, n) => n)
    .filter((n) => n % nth === offset)
    .map(idOf)

async function measure(stage: Stage, signal: AbortSignal): Promise<Round> {
  const { bus } = stage
  const queue = await openTaskQueue(bus)
  const settled = new Settlements(stage)
  using _settled = settled
  await bus.flush()
  const command = async (command: string, ids: readonly string[]) => {
    for (const specId of ids) await bus.requestJson(subjects.api('command'), { command, specId }, { timeoutMs: 10_000 })
  }
  const memory = [await portraits(stage)]
  const startedAt = hostNowMs()
  const publish = (n: number) => queue.publish(subjects.task(priorityOf(n), 'prompt'), JSON.stringify(taskOf(n)))
  await Promise.all(Array.from({ length: SPECS }, (_, n) => publish(n)))
  for (const look of LOOKS.slice(1)) {
    await settled.reach((SPECS * look) / 100 - (look === 100 ? 0 : SPECS / PAUSED / 2), signal)
    if (look === 25) {
      await command('pause', every(PAUSED, 7))
      await command('cancel', every(CANCELLED, 11))
    }
    if (look === 50) await command('resume', every(PAUSED, 7))
    if (look < 100) memory.push(await portraits(stage))
  }
  const makespanMs = hostNowMs() - startedAt
  memory.push(await portraits(stage))
  const lives = await askFor(bus, wire.lives, Lives)
  return { makespanMs, idealMs: lives.reduce((sum, ms) => sum + ms, 0) / (2 * SLOTS_EACH), memory }
}

async function portraits({ bus }: Stage): Promise<SelfPortrait[]> {
  const found: SelfPortrait[] = []
  for await (const answer of bus.requestMany(wire.portrait, {}, { timeoutMs: 10_000, max: 2 }))
    found.push(SelfPortrait.parse(answer.json()))
  return found
}

/** The larger of the two orchestrators, the worst of the rounds. */
function growthOf(rounds: readonly Round[]): Growth {
  const worst = (of: (portrait: SelfPortrait) => number) =>
    LOOKS.map((_, look) => Math.max(...rounds.flatMap(({ memory }) => (memory[look] ?? []).map(of))))
  const heap = worst(({ heapMib }) => heapMib)
  const rows: GrowthRow[] = [
    {
      name: 'heap of an orchestrator',
      unit: 'MiB',
      values: heap,
      limit: { size: 100, most: Math.round((heap[1] ?? 0) + FLAT_MIB) },
    },
    { name: 'resident', unit: 'MiB', values: worst(({ residentMib }) => residentMib) },
  ]
  return { of: 'hundredths of the specs settled', sizes: LOOKS, rows }
}
