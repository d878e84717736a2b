import type { SpecId } from '../contract/ids.ts'
import type { Component } from '../planning/outputs/design.ts'
import type { Requirement } from '../planning/outputs/requirements.ts'
import type { Task } from '../planning/outputs/tasks.ts'
import { ticketIdOf } from '../planning/ticket-ids.ts'
import type { SpecState } from './state.ts'

/** What every record of a spec has: an id that follows from the spec's and its own in the plan. */
type Recorded = { id: string; specId: SpecId; localId: string }

export type RequirementRecord = Recorded &
  Omit<Requirement, 'id' | 'acceptanceCriteria' | 'dependsOn'> & {
    /** Ids of its acceptance criteria. */
    criteria: string[]
    /** Ids of requirements; prose among the plan's dependencies is left out. */
    dependsOn: string[]
  }
export type CriterionRecord = Recorded & { requirementId: string; text: string }
export type ComponentRecord = Recorded & Omit<Component, 'requirements'> & { requirements: string[] }
export type SpecTaskRecord = Recorded &
  Omit<Task, 'id' | 'requirements' | 'dependsOn'> & { requirements: string[]; dependsOn: string[] }

export type SpecRecords = {
  requirements: Record<string, RequirementRecord>
  criteria: Record<string, CriterionRecord>
  components: Record<string, ComponentRecord>
  specTasks: Record<string, SpecTaskRecord>
}

/**
 * The records of a spec as its checkpoints stand: each exists from the moment its phase is
 * done, under an id derived from the spec's and its own, so that the same checkpoint again
 * changes nothing. They are computed, not kept: they cannot differ from what they come from.
 */
export function recordsOf(state: Pick<SpecState, 'specId' | 'results'>): SpecRecords {
  const { specId, results } = state
  const records: SpecRecords = { requirements: {}, criteria: {}, components: {}, specTasks: {} }
  const requirements = results.requirements?.output.requirements ?? []
  const requirementIds = new Map(requirements.map(({ id }) => [id, ticketIdOf(specId, id)]))
  for (const requirement of requirements) addRequirement(records, specId, requirement, requirementIds)
  for (const component of results.design?.output.components ?? []) {
    const id = ticketIdOf(specId, component.name)
    const addressed = resolved(component.requirements, requirementIds)
    records.components[id] ??= { ...component, id, specId, localId: component.name, requirements: addressed }
  }
  const tasks = results.tasks?.output.tasks ?? []
  const taskIds = new Map(tasks.map((task) => [task.id, ticketIdOf(specId, task.id)]))
  for (const task of tasks) {
    const id = ticketIdOf(specId, task.id)
    const links = {
      requirements: resolved(task.requirements, requirementIds),
      dependsOn: resolved(task.dependsOn, taskIds),
    }
    records.specTasks[id] ??= { ...task, id, specId, localId: task.id, ...links }
  }
  return records
}

function addRequirement(
  records: SpecRecords,
  specId: SpecId,
  requirement: Requirement,
  ids: ReadonlyMap<string, string>,
): void {
  const { id: localId, acceptanceCriteria, dependsOn, ...rest } = requirement
  const id = ticketIdOf(specId, localId)
  const criteria = acceptanceCriteria.map((text, index): CriterionRecord => {
    const criterion = `AC-${index + 1}`
    return { id: ticketIdOf(id, criterion), specId, localId: `${localId}-${criterion}`, requirementId: id, text }
  })
  records.requirements[id] ??= {
    ...rest,
    id,
    specId,
    localId,
    criteria: criteria.map((criterion) => criterion.id),
    dependsOn: resolved(dependsOn, ids),
  }
  for (const criterion of criteria) records.criteria[criterion.id] ??= criterion
}

const resolved = (localIds: readonly string[], ids: ReadonlyMap<string, string>): string[] =>
  localIds.flatMap((localId) => ids.get(localId) ?? [])
