import { createHash } from 'node:crypto'
import type { QueuedTask, SourceBundle } from '@specfleet/shared'
import {
  describeIssues,
  MAX_TASK_BYTES,
  runIdOf,
  SpecfleetError,
  subjects,
  type Task,
  TaskId,
  TaskInput,
  withIds,
} from '@specfleet/shared'
import type { QueuedRecord } from '../supervisor/world.ts'

/** Kinds that this version can run. */
const SUPPORTED = new Set<Task['kind']>(['spec', 'prompt'])

export type Message = Pick<QueuedTask, 'subject' | 'data' | 'seq'>

/**
 * Reads a task from the queue. Pure.
 * @throws SpecfleetError `task.*`, `spec.binary`: why it cannot be accepted.
 */
export function readQueuedTask(message: Message): Task {
  const task = readTask(message.data, () => idFromMessage(message))
  const expected = subjects.task(task.priority, task.kind)
  if (message.subject !== expected)
    throw new SpecfleetError('task.subject', `it came on ${message.subject}, and says ${expected}`)
  return task
}

/**
 * Reads a task from outside. Pure.
 * @throws SpecfleetError `task.*`, `spec.binary`: why it cannot be accepted.
 */
export function readTask(data: Uint8Array, newTaskId: () => TaskId): Task {
  const value = parseJson(data)
  const parsed = TaskInput.safeParse(value)
  if (!parsed.success) {
    const issues = parsed.error.issues
    const detail = describeIssues(parsed.error)
    if (issues.some(({ path }) => path.length === 1 && path[0] === 'v'))
      throw new SpecfleetError('task.version', detail)
    if (issues.some(({ path, code }) => path[0] === 'text' && code === 'too_big'))
      throw new SpecfleetError('task.too-large', detail)
    throw new SpecfleetError('task.malformed', detail)
  }
  const task = withIds(parsed.data, newTaskId)
  if (!SUPPORTED.has(task.kind)) throw new SpecfleetError('task.unsupported', `kind "${task.kind}"`)
  if (task.text !== undefined && isBinary(task.text)) throw new SpecfleetError('spec.binary')
  if (data.byteLength > ALWAYS_FITS) requireRoom(task)
  return task
}

/** Whatever is in so few bytes can be written down again. */
const ALWAYS_FITS = 4096

/** What could not be written into a record would come back from the queue for ever. */
function requireRoom(task: Task): void {
  const bytes = Buffer.byteLength(written(task))
  if (bytes > MAX_TASK_BYTES)
    throw new SpecfleetError('task.too-large', `it is ${bytes} bytes of JSON, and ${MAX_TASK_BYTES} may be kept`)
}

function written(task: Task): string {
  try {
    return JSON.stringify(task)
  } catch (cause) {
    throw new SpecfleetError('task.malformed', 'it is nested too deeply', { cause })
  }
}

function parseJson(data: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(data))
  } catch (cause) {
    throw new SpecfleetError('task.not-json', undefined, { cause })
  }
}

/** Handed out twice, a task without an id must get the same one twice. */
function idFromMessage({ subject, data, seq }: Message): TaskId {
  const hash = createHash('sha256').update(`${seq} ${subject} `).update(data)
  return TaskId.parse(hash.digest('hex').slice(0, 32))
}

/** Bytes that were no text leave NUL, replacement characters or many control characters behind. */
function isBinary(text: string): boolean {
  if (text.includes('\0')) return true
  let strange = 0
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0
    if (code === 0xfffd || code < 9 || (code > 13 && code < 32 && code !== 27)) strange += 1
  }
  return strange * 20 > text.length
}

/** The record by which a task becomes a run; `place`: where it stood in the queue. Pure. */
export function claimOf(task: Task, source: SourceBundle | null, place: number, now: Date): QueuedRecord {
  const at = now.toISOString()
  return {
    v: 1,
    state: 'queued',
    runId: runIdOf(task.taskId),
    specId: task.specId,
    task,
    source,
    claimedAt: at,
    changedAt: at,
    epoch: 0,
    causes: [],
    failures: 0,
    spentMs: 0,
    foldedTo: 0,
    place,
  }
}
