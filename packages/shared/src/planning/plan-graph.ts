import { groupByEach } from './grouping.ts'
import type { TasksOutput } from './outputs/tasks.ts'
import type { GraphNode } from './ticket-graph.ts'
import { filesOfTask } from './traceability.ts'

/** How a ticket shows among task ids, as in a cycle that leads through it. */
const milestoneOf = (ticketId: string): string => `ticket ${ticketId}`

/**
 * The graph of a plan's tasks. A ticket that waits for another makes its first tasks wait for
 * the other's last ones; a milestone for each ticket waited for keeps that to one edge a task.
 */
export function planGraph({ tickets, tasks }: TasksOutput): GraphNode[] {
  const ticketsById = new Map(tickets.map((ticket) => [ticket.id, ticket]))
  const ticketOf = new Map(tasks.map(({ id, ticketId }) => [id, ticketId]))
  const isInside = (ticketId: string | null) => (id: string) => ticketId !== null && ticketOf.get(id) === ticketId
  const notLast = new Set(tasks.flatMap(({ ticketId, dependsOn }) => dependsOn.filter(isInside(ticketId))))
  const lastTasksOf = groupByEach(
    tasks.filter(({ id }) => !notLast.has(id)),
    ({ ticketId }) => (ticketId === null ? [] : [ticketId]),
  )
  const waitedFor = new Set(tickets.flatMap(({ dependsOn }) => dependsOn).filter((id) => ticketsById.has(id)))
  const milestonesBefore = (ticketId: string): string[] =>
    (ticketsById.get(ticketId)?.dependsOn ?? []).filter((id) => waitedFor.has(id)).map(milestoneOf)
  const nodes = tasks.map((task): GraphNode => {
    const { id, layer, ticketId, dependsOn, estimateHours } = task
    const waits = ticketId === null || dependsOn.some(isInside(ticketId)) ? [] : milestonesBefore(ticketId)
    return { id, layer, dependsOn: [...dependsOn, ...waits], files: filesOfTask(task), hours: estimateHours }
  })
  const milestones = [...waitedFor].map((id): GraphNode => {
    const last = (lastTasksOf.get(id) ?? []).map((task) => task.id)
    // A ticket without tasks of its own hands on what it waits for.
    return {
      id: milestoneOf(id),
      layer: null,
      dependsOn: [...last, ...milestonesBefore(id)],
      files: [],
      hours: 0,
      milestone: true,
    }
  })
  return [...nodes, ...milestones]
}

/**
 * The tasks that each task waits for, those of tickets included; a milestone is replaced by
 * what it stands for. Needs a graph without cycles to be complete, and ends on any.
 */
export function dependenciesByTask(plan: TasksOutput): Map<string, string[]> {
  const nodes = planGraph(plan)
  const milestones = new Map(nodes.filter(({ milestone }) => milestone === true).map((node) => [node.id, node]))
  const expanded = new Map<string, string[]>()
  for (const { id, dependsOn, milestone } of nodes) {
    if (milestone === true) continue
    const found = new Set<string>()
    const queue = [...dependsOn]
    const seen = new Set(queue)
    for (const name of queue) {
      const through = milestones.get(name)
      if (through === undefined) found.add(name)
      for (const next of through?.dependsOn ?? []) {
        if (seen.has(next)) continue
        seen.add(next)
        queue.push(next)
      }
    }
    expanded.set(id, [...found])
  }
  return expanded
}
