import type { Component, DesignOutput, Requirement } from '@specfleet/shared'
import { testPath } from '../layout.ts'
import { clip } from '../text/words.ts'
import { chunks, criteriaOf, type Draft, type DraftTicket, hoursFor } from './draft.ts'
import type { Project } from './project.ts'

const REQUIREMENTS_A_TASK = 3
const REQUIREMENTS_A_TEST = 6

/**
 * A ticket for each component, lower layers first: its implementation in steps that one sitting
 * allows, then its tests.
 */
export function componentTickets(
  design: DesignOutput,
  requirements: readonly Requirement[],
  project: Project,
  before: readonly DraftTicket[],
): DraftTicket[] {
  const byId = new Map(requirements.map((requirement) => [requirement.id, requirement]))
  const tickets = new Map<string, DraftTicket>()
  const done = new Set<string>()
  for (const component of design.components.toSorted((a, b) => layerOf(a).localeCompare(layerOf(b)))) {
    const own = component.requirements.flatMap((id) => byId.get(id) ?? [])
    const needed = [...before, ...component.dependencies.flatMap((name) => tickets.get(name) ?? [])]
    // Each requirement is implemented where it is met first, and tested with everybody who answers for it.
    const fresh = own.filter(({ id }) => !done.has(id))
    for (const { id } of fresh) done.add(id)
    tickets.set(component.name, ticketOf(component, fresh.length > 0 ? fresh : own, needed, project))
  }
  return [...tickets.values()]
}

const layerOf = ({ layer }: Component) => layer ?? 'L1'

function ticketOf(
  component: Component,
  requirements: Requirement[],
  after: readonly DraftTicket[],
  project: Project,
): DraftTicket {
  const layer = layerOf(component)
  const waits = after.flatMap((ticket) => ticket.tasks.filter(({ type }) => type !== 'test').slice(-1))
  const steps: Draft[] = []
  for (const some of requirements.length === 0 ? [[]] : chunks(requirements, REQUIREMENTS_A_TASK)) {
    steps.push({
      title: clip(
        `Implement ${component.name}: ${some.map(({ title }) => title).join('; ') || component.description}`,
        120,
      ),
      description: descriptionOf(component, some),
      type: 'implementation',
      role: 'developer',
      layer,
      hours: hoursFor(some.length, 1, 0.75),
      files: [component.filePath],
      requirements: some,
      criteria:
        some.length > 0
          ? criteriaOf(some, 2)
          : [`${component.name} can be used through its interfaces as the design describes them.`],
      after: steps.length === 0 ? waits : steps.slice(-1),
    })
  }
  const tests: Draft[] = []
  for (const some of requirements.length === 0 ? [[]] : chunks(requirements, REQUIREMENTS_A_TEST)) {
    const ids = some.map(({ id }) => id).join(', ')
    tests.push({
      title: clip(`Test ${component.name}${ids === '' ? '' : ` against ${ids}`}`, 120),
      description: `Write the tests of ${component.name} in the style of the project. Each acceptance criterion of ${ids || 'its interfaces'} becomes at least one test that fails when the criterion does not hold, edges and failures included.`,
      type: 'test',
      role: 'qa',
      layer,
      hours: hoursFor(some.length, 0.5, 0.5),
      files: [testPath(project.layout, component.filePath)],
      requirements: some,
      criteria:
        some.length > 0
          ? some.map(
              ({ id, acceptanceCriteria }) =>
                `Each of the ${acceptanceCriteria.length} criteria of ${id} is exercised by a test that can fail.`,
            )
          : [`Every interface of ${component.name} is exercised by a test.`],
      after: [...steps.slice(-1), ...tests.slice(-1)],
    })
  }
  return {
    title: `${component.name}: ${purposeOf(component)}`,
    description: component.description,
    layer,
    tasks: [...steps, ...tests],
    after,
  }
}

const PURPOSE_LENGTH = 60

/** The first of the things that it answers for. */
function purposeOf({ responsibilities, description }: Component): string {
  const first = responsibilities[0]?.split(/; |, and \d+ more/, 1)[0]
  return clip(first || description, PURPOSE_LENGTH)
}

function descriptionOf(
  { name, filePath, dependencies, interfaces }: Component,
  requirements: readonly Requirement[],
): string {
  const uses = dependencies.length === 0 ? '' : ` It uses ${dependencies.join(', ')}.`
  const offers =
    interfaces.length === 0
      ? ''
      : ` It offers ${interfaces
          .slice(0, 4)
          .map(({ method }) => `${method}()`)
          .join(', ')}.`
  const meets = requirements.map(({ id, text }) => `${id}: ${text}`).join('\n')
  return [`Build ${name} in ${filePath}.${uses}${offers}`, meets].filter(Boolean).join('\n')
}
