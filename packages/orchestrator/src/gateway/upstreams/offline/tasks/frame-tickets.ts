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
  const { featureName } = design
  const waits = after.flatMap(({ tasks }) => tasks.filter(({ type }) => type !== 'test').slice(-1))
  const pressing = requirements.filter(({ priority }) => priority === 'HIGH' || priority === 'CRITICAL')
  const proved = (pressing.length > 0 ? pressing : requirements).slice(0, MOST_PROVED)
  const wiring = project.entryPoint === undefined ? [] : [wiringTask(design, project.entryPoint, proved, waits)]
  const proof = proofTask(design, project, proved, wiring.length > 0 ? wiring : waits)
  const documentation: Draft = {
    title: `Document ${featureName}`,
    description: `Describe in ${project.readme} what ${featureName} does, how it is used and configured, and what it does not do.`,
    type: 'documentation',
    role: 'docs',
    layer: 'L3',
    hours: 1,
    files: [project.readme],
    requirements: [],
    criteria: [`A reader of ${project.readme} can use ${featureName} without reading its source.`],
    after: [proof],
  }
  const description = 'The components together, proved from outside and described.'
  return [
    {
      title: `Integration of ${featureName}`,
      description,
      layer: 'L3',
      tasks: [...wiring, proof, documentation],
      after,
    },
  ]
}

/** More make a proof from outside longer than one sitting. */
const MOST_PROVED = 8

const topNames = ({ components }: DesignOutput): string => {
  const tops = components.filter(({ layer }) => layer === 'L2' || layer === 'L3')
  return (tops.length > 0 ? tops : components).map(({ name }) => name).join(', ')
}

function wiringTask(design: DesignOutput, entry: string, requirements: Requirement[], after: readonly Draft[]): Draft {
  return {
    title: `Join ${design.featureName} to ${entry}`,
    description: `Construct ${topNames(design)} where the program starts, in ${entry}, and pass each what it depends on. What existed before behaves as before.`,
    type: 'implementation',
    role: 'developer',
    layer: 'L3',
    hours: hoursFor(design.components.length, 0.5, 0.25),
    files: [entry],
    requirements,
    criteria: ['The program starts with the feature in place, and the tests that existed before still succeed.'],
    after,
  }
}

function proofTask(design: DesignOutput, project: Project, proved: Requirement[], after: readonly Draft[]): Draft {
  const ways = design.testingStrategy.integration.slice(0, 6).join('; ') || topNames(design)
  return {
    title: `Prove ${design.featureName} from end to end`,
    description: `Start the real program and exercise it from outside: ${ways}.`,
    type: 'test',
    role: 'qa',
    layer: 'L3',
    hours: hoursFor(proved.length, 1, 0.25),
    files: [project.integrationTest],
    requirements: proved,
    criteria: criteriaOf(proved, 1),
    after,
  }
}
