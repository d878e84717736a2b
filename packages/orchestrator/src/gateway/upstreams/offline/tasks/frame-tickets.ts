import type { DesignOutput, Requirement } from '@specfleet/shared'
import type { Draft, DraftTicket } from './draft.ts'
import { criteriaOf, hoursFor } from './draft.ts'
import type { Project } from './project.ts'

/** What must stand before any component can be built; nothing in a project that exists. */
export function groundTickets(design: DesignOutput, { newManifest, testCommand }: Project): DraftTicket[] {
  if (newManifest === undefined) return []
  const task: Draft = {
    title: `Set up the project with ${newManifest}`,
    description: `Create ${newManifest} so that ${design.featureName} can be built and \`${testCommand}\` runs, even while there are no tests.`,
    type: 'configuration',
    role: 'devops',
    layer: 'L0',
    hours: 1,
    files: [newManifest],
    requirements: [],
    criteria: [`\`${testCommand}\` ends with exit code 0 in a fresh checkout.`],
    after: [],
  }
  return [
    {
      title: 'Project skeleton',
      description: 'The project itself, before its first component.',
      layer: 'L0',
      tasks: [task],
      after: [],
    },
  ]
}

/** Joins the components, proves them together, and writes down how they are used. */
export function closingTickets(
  design: DesignOutput,
  requirements: readonly Requirement[],
  project: Project,
  after: readonly DraftTicket[],
): DraftTicket[] {
  const waits = after.flatMap(({ tasks }) => tasks.filter(({ type }) => type !== 'test').slice(-1))
  const pressing = requirements.filter(({ priority }) => priority === 'HIGH' || priority === 'CRITICAL')
  const proved = (pressing.length > 0 ? pressing : requirements).slice(0, 8)
  const tops = design.components.filter(({ layer }) => layer === 'L2' || layer === 'L3')
  const joined = (tops.length > 0 ? tops : design.components).map(({ name }) => name).join(', ')
  const frame = { layer: 'L3' as const, requirements: proved }
  const wiring: Draft[] =
    project.entryPoint === undefined
      ? []
      : [
          {
            ...frame,
            title: `Join ${design.featureName} to ${project.entryPoint}`,
            description: `Construct ${joined} where the program starts, in ${project.entryPoint}, and pass each what it depends on. What existed before behaves as before.`,
            type: 'implementation',
            role: 'developer',
            hours: hoursFor(design.components.length, 0.5, 0.25),
            files: [project.entryPoint],
            criteria: [
              'The program starts with the feature in place, and the tests that existed before still succeed.',
            ],
            after: waits,
          },
        ]
  const proof: Draft = {
    ...frame,
    title: `Prove ${design.featureName} from end to end`,
    description: `Start the real program and exercise it from outside: ${design.testingStrategy.integration.slice(0, 6).join('; ') || joined}.`,
    type: 'test',
    role: 'qa',
    hours: hoursFor(proved.length, 1, 0.25),
    files: [project.integrationTest],
    criteria: criteriaOf(proved, 1),
    after: wiring.length > 0 ? wiring : waits,
  }
  const documentation: Draft = {
    ...frame,
    requirements: [],
    title: `Document ${design.featureName}`,
    description: `Describe in ${project.readme} what ${design.featureName} does, how it is used and configured, and what it does not do.`,
    type: 'documentation',
    role: 'docs',
    hours: 1,
    files: [project.readme],
    criteria: [`A reader of ${project.readme} can use ${design.featureName} without reading its source.`],
    after: [proof],
  }
  return [
    {
      title: `Integration of ${design.featureName}`,
      description: 'The components together, proved from outside and described.',
      layer: 'L3',
      tasks: [...wiring, proof, documentation],
      after,
    },
  ]
}
