import { SpecId, subjects } from '@specfleet/shared'

/** What is to be done in a world, and what nobody can do. */
export type Work = {
  readonly jobs: readonly Job[]
  readonly refused: RefusedTask
}

/** A task that comes straight into the queue, as any program may put it there, and that must be refused. */
export type RefusedTask = {
  readonly taskId: string
  readonly subject: string
  readonly text: string
  /** Where its dead letter is to lie. */
  readonly reason: string
}

/** One task of a world, and what a person does about it on the way. */
export type Job = {
  readonly specId: SpecId
  /** As it is submitted; its id is its own, so that it runs once however often it is sent. */
  readonly task: Readonly<Record<string, unknown>> & { readonly taskId: string }
  /**
   * Approves what waits for it, pauses the spec at its nth model call and resumes it once it stands, or cancels it
   * while its first call is made.
   */
  readonly person:
    | { readonly kind: 'approves' }
    | { readonly kind: 'pauses'; readonly call: number }
    | { readonly kind: 'cancels' }
    | undefined
}

/** How the run of a job ends. */
export const outcomeOf = ({ person }: Job): 'done' | 'cancelled' => (person?.kind === 'cancels' ? 'cancelled' : 'done')

/**
 * Calls in which the model hands in what it has: nothing that it asks for then is left undone by a pause, so that the
 * undisturbed run is the same each time.
 */
const PAUSES = [4, 5, 7] as const

/**
 * What a world has to do: the same for the same seed, and small, for the disturbance is what counts.
 * @param world tells its tasks from those of all other worlds on the host
 */
export function workOf(seed: number, { source, world }: { source: string; world: string }): Work {
  const random = randomOf(seed)
  const job = (name: string, task: Record<string, unknown>, person: Job['person']): Job => ({
    specId: SpecId.parse(name),
    task: { taskId: `${name}-${world}`, specId: name, source: { git: source }, ...task },
    person,
  })
  const jobs = [
    job('notes', { kind: 'spec', text: notes(random), approval: ['requirements'] }, { kind: 'approves' }),
    job(
      'alarms',
      { kind: 'spec', text: alarms(random) },
      { kind: 'pauses', call: PAUSES[whole(random, PAUSES.length)] ?? PAUSES[0] },
    ),
    job('question', { kind: 'prompt', text: `What is in this folder? (${whole(random, 1_000)})` }, undefined),
    job('second-thoughts', { kind: 'spec', text: SECOND_THOUGHTS }, { kind: 'cancels' }),
  ]
  return { jobs, refused: refusedTask(world) }
}

/** A kind that no version runs yet is as valid as any other, and as whole when it comes out of the dead letters. */
function refusedTask(world: string): RefusedTask {
  const task = { v: 1, taskId: `refused-${world}`, kind: 'validate', text: 'Is it what was asked for?' }
  return {
    taskId: task.taskId,
    subject: subjects.task('normal', 'validate'),
    text: JSON.stringify(task),
    reason: 'task-unsupported',
  }
}

/** A generator of numbers from 0 to 1 that a seed decides (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const whole = (random: () => number, below: number): number => Math.floor(random() * below)

const SECOND_THOUGHTS = `# Second thoughts

The system must greet whoever comes.
`

const notes = (random: () => number): string => `# Shared notes

## Sharing

- WHEN a person shares a note, THE SYSTEM SHALL create a link that is valid for ${2 + whole(random, 28)} days.
- IF a link has expired, THEN THE SYSTEM SHALL answer with status 410.
- The system must refuse notes that are longer than ${1_000 * (1 + whole(random, 20))} characters.
`

const alarms = (random: () => number): string => `# Alarms

## Alarms

- WHEN a sensor reports more than ${60 + whole(random, 40)} degrees, THE SYSTEM SHALL raise an alarm within 2 seconds.
- WHILE an alarm is active, THE SYSTEM SHALL repeat it every ${10 + whole(random, 50)} seconds.
`
