import { ulid } from 'ulid'
import * as z from 'zod'

/**
 * Every id of Specfleet: letters, digits, `_` and `-`, 1 to 64 of them. Ids become
 * NATS subject tokens, folder names and container names, so nothing else may pass.
 */
export const ID_PATTERN = /^[A-Za-z0-9_-]{1,64}$/

const id = z.string().regex(ID_PATTERN, 'an id is 1 to 64 letters, digits, "_" or "-"')

export const SpecId = id.brand<'SpecId'>()
export type SpecId = z.infer<typeof SpecId>
export const ProjectId = id.brand<'ProjectId'>()
export type ProjectId = z.infer<typeof ProjectId>
export const TaskId = id.brand<'TaskId'>()
export type TaskId = z.infer<typeof TaskId>
export const RunId = id.brand<'RunId'>()
export type RunId = z.infer<typeof RunId>
export const TicketId = id.brand<'TicketId'>()
export type TicketId = z.infer<typeof TicketId>
export const SandboxId = id.brand<'SandboxId'>()
export type SandboxId = z.infer<typeof SandboxId>
export const OrchestratorId = id.brand<'OrchestratorId'>()
export type OrchestratorId = z.infer<typeof OrchestratorId>
/** Id of a fact, a control message or a call; new ones are ULIDs. */
export const MessageId = id.brand<'MessageId'>()
export type MessageId = z.infer<typeof MessageId>

/** The incarnations of a run count from 1. */
export const Epoch = z.number().int().min(1).max(1_000_000)
export type Epoch = z.infer<typeof Epoch>

/** SHA-256 in lower-case hex: the name of a blob. */
export const Sha256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'a SHA-256 is 64 hex digits')
  .brand<'Sha256'>()
export type Sha256 = z.infer<typeof Sha256>

/** A time on the wire: ISO 8601 in UTC, as `Date.prototype.toISOString` writes it. */
export const Timestamp = z.iso.datetime()

/** Asking the system for randomness costs far more than what comes: an id would take thirty times as long. */
const randomness = new Uint32Array(256)
let unused = 0

/** From 0 to 1, without 1. */
function random(): number {
  if (unused === 0) unused = crypto.getRandomValues(randomness).length
  unused -= 1
  return (randomness[unused] ?? 0) / 2 ** 32
}

/** What was drawn ahead of need is not used: for a process that begins as a copy of another. */
export function forgetDrawn(): void {
  unused = 0
}

/** A new, time-ordered id. */
export const newId = (): string => ulid(undefined, random)
export const newMessageId = (): MessageId => MessageId.parse(newId())
export const newTaskId = (): TaskId => TaskId.parse(newId())

/** A task is executed by exactly one run, so the run takes the task's id: a task submitted twice meets itself. */
export const runIdOf = (taskId: TaskId): RunId => RunId.parse(taskId)

/** The one name of an incarnation: sandbox id, container name, folder. */
export const sandboxIdOf = (runId: RunId, epoch: Epoch): SandboxId =>
  SandboxId.parse(`${runId.slice(0, 64 - 1 - String(epoch).length)}-${epoch}`)
