import { z } from 'zod'
import { RunId, SpecId, TicketId } from '../contract/ids.ts'
import { Layer, Priority, Role } from '../planning/outputs/vocabulary.ts'

const Base = z.object({
  ticketId: TicketId,
  specId: SpecId,
  /** Its id in the plan that made it, such as `TKT-001`. */
  localId: z.string(),
  title: z.string(),
  layer: Layer,
  role: Role,
  priority: Priority,
  estimateHours: z.number(),
  /** Tickets that must be done first. */
  dependsOn: z.array(TicketId),
  /** Derived ids of the spec tasks it consists of. */
  specTasks: z.array(z.string()),
  /** Derived ids of the requirements it helps to meet. */
  requirements: z.array(z.string()),
  files: z.object({ create: z.array(z.string()), modify: z.array(z.string()) }),
  /** Shell commands that prove it, run at the root of the repository. */
  validation: z.array(z.string()),
})

const commit = z.string().exactOptional()

/** An execution unit of a spec. Once made it stays with its spec; a new plan withdraws it at most. */
export const TicketState = z.discriminatedUnion('status', [
  Base.extend({ status: z.literal('planned') }),
  /** No longer part of the plan. */
  Base.extend({ status: z.literal('withdrawn') }),
  Base.extend({ status: z.literal('queued') }),
  Base.extend({ status: z.literal('started'), runId: RunId.exactOptional() }),
  Base.extend({ status: z.literal('delivered'), commit }),
  Base.extend({ status: z.literal('merged'), commit }),
  Base.extend({ status: z.literal('conflicted'), conflicts: z.array(z.string()) }),
  Base.extend({ status: z.literal('validated'), commit }),
  Base.extend({ status: z.literal('failed'), reason: z.string() }),
])
export type TicketState = z.infer<typeof TicketState>
export type TicketStatus = TicketState['status']
