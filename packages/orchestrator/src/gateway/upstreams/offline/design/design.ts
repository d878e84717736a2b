import { type DesignInput, type ExploreOutput, parseEars, type RequirementsOutput } from '@specfleet/shared'
import type { Spec } from '../conversation.ts'
import { baseOf } from '../explore/paths.ts'
import { type Layout, testPath } from '../layout.ts'
import { readOutline } from '../text/outline.ts'
import { clip } from '../text/words.ts'
import { componentsOf, type PlannedComponent, plannedGroups, wordsOfGroups } from './components.ts'
import { dataModels, type PlannedModel } from './data-models.ts'
import { endpointsOf, type PlannedEndpoint } from './endpoints.ts'

/** What a design is made from. */
export type DesignSources = {
  spec: Spec
  requirements: RequirementsOutput
  explore: ExploreOutput | undefined
  layout: Layout
  /** Files of the source that may be those of a component. */
  known: readonly string[]
}

/** Words by which the source is searched for files that the design would extend. */
export function searchWords(spec: Spec, requirements: RequirementsOutput): string[] {
  return wordsOfGroups(plannedGroups(requirements, dataModels(readOutline(spec.text), requirements)))
}

export function deriveDesign(sources: DesignSources): DesignInput {
  const { spec, requirements, layout, known } = sources
  const models = dataModels(readOutline(spec.text), requirements)
  const components = componentsOf(plannedGroups(requirements, models), layout, known)
  const endpoints = endpointsOf(spec.text, requirements, components)
  return {
    feature_name: requirements.featureName,
    architecture_overview: overviewOf(sources, components),
    architecture_diagram: diagramOf(components),
    components,
    data_models: models,
    api_endpoints: endpoints,
    testing_strategy: testingOf(components, endpoints, layout),
    error_handling: errorsOf(requirements, components),
    security_considerations: securityOf(requirements, endpoints, models, components),
    integration_points: integrationOf(sources),
  }
}

function overviewOf(
  { requirements, explore, layout, known }: DesignSources,
  components: readonly PlannedComponent[],
): string {
  const extended = components.filter(({ file_path }) => known.includes(file_path))
  const layers = Map.groupBy(components, ({ layer }) => layer)
  const stack = [...layers]
    .map(([layer, members]) => `${layer}: ${members.map(({ name }) => name).join(', ')}`)
    .join('; ')
  const project = explore?.projectType || 'project'
  return [
    `${requirements.featureName} is built of ${components.length} ${components.length === 1 ? 'component that answers' : 'components that answer'} ${requirements.requirements.length} requirements (${stack}).`,
    `Each depends on lower layers only.`,
    extended.length > 0
      ? `It extends ${extended.map(({ file_path }) => file_path).join(', ')} of the existing ${project}; the rest is new under ${layout.folder || 'the root'}.`
      : `All of it is new, in ${layout.folder || 'the root'} of the ${project}.`,
  ].join(' ')
}

const diagramOf = (components: readonly PlannedComponent[]): string =>
  [
    'graph TD',
    ...components.flatMap(({ name, dependencies }) => [
      `  ${name}`,
      ...dependencies.map((other) => `  ${name} --> ${other}`),
    ]),
  ].join('\n')

function testingOf(components: readonly PlannedComponent[], endpoints: readonly PlannedEndpoint[], layout: Layout) {
  const routes = endpoints.filter(({ method }) => method !== 'CALL')
  const top = components.filter(({ dependencies }) => dependencies.length > 0)
  return {
    unit_tests: components.map(
      ({ name, file_path, requirements }) =>
        `${testPath(layout, file_path)}: ${name} against the criteria of ${requirements.join(', ') || 'its callers'}`,
    ),
    integration_tests:
      routes.length > 0
        ? routes.map(
            ({ method, path, error_responses }) =>
              `${method} ${path} over a real connection${Object.keys(error_responses).length === 0 ? '' : `, its failures (${Object.keys(error_responses).join(', ')}) included`}`,
          )
        : (top.length > 0 ? top : components).map(
            ({ name, dependencies }) => `${name} together with ${dependencies.join(', ') || 'its real collaborators'}`,
          ),
  }
}

/** What happens when something fails: the unwanted conditions that the requirements name. */
function errorsOf(
  { requirements }: RequirementsOutput,
  components: readonly PlannedComponent[],
): Record<string, string> {
  const named = requirements.flatMap(({ id, text }) => {
    const parsed = parseEars(text)
    if (!parsed.ok) return []
    const { clauses, response } = parsed.requirement
    const unwanted = clauses.find(({ keyword }) => keyword === 'IF')
    const failing =
      unwanted?.text ??
      (/\b(?:[45]\d\d|reject|refuse|error|fail)/i.test(response) ? (clauses[0]?.text ?? response) : undefined)
    return failing === undefined ? [] : [[clip(failing, 100), `${clip(response, 160)} (${id})`]]
  })
  if (named.length > 0) return Object.fromEntries(named)
  return Object.fromEntries(
    components
      .slice(0, 6)
      .map(({ name }) => [`${name} is called with invalid input`, 'it refuses, names the field, and changes nothing']),
  )
}

function securityOf(
  { requirements }: RequirementsOutput,
  endpoints: readonly PlannedEndpoint[],
  models: readonly PlannedModel[],
  components: readonly PlannedComponent[],
): string[] {
  const doors = endpoints.slice(0, 6).map(({ method, path }) => (method === 'CALL' ? path : `${method} ${path}`))
  const entry = doors.length > 0 ? doors : components.slice(0, 4).map(({ name }) => name)
  const data = models.map(({ name, fields }) => `${name} (${Object.keys(fields).slice(0, 4).join(', ')})`)
  return [
    ...requirements.filter(({ type }) => type === 'security').map(({ id, text }) => `${id}: ${text}`),
    `Whatever reaches ${entry.join(', ')} is checked for type, length and range before it is used.`,
    `Errors and logs reveal no ${data.length > 0 ? `content of ${data.slice(0, 4).join(', ')}` : 'input values and no internals'}.`,
  ]
}

/** Existing code that the design meets. */
function integrationOf({ explore, known }: DesignSources): string[] {
  if (explore === undefined) return []
  const entries = explore.entryPoints.slice(0, 2).map((path) => `${path}: the entry point through which it is reached`)
  const related = explore.relatedToFeature
    .filter(({ file }) => file !== '' && !explore.entryPoints.includes(file))
    .slice(0, 5)
    .map(({ file, relevance }) => `${file}: ${relevance}`)
  const files = [...entries, ...related]
  return files.length > 0 ? files : known.slice(0, 3).map((path) => `${path}: stands next to it (${baseOf(path)})`)
}
