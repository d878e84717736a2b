import type { DataModel, Requirement, RequirementsOutput } from '@specfleet/shared'
import { parseEars } from '@specfleet/shared'
import type { Layout } from '../layout.ts'
import { camelCase, clip, decapitalised, identifierWords, pascalCase, tellingWords } from '../text/words.ts'
import { fileOf, fileWords, isNameOfKind } from './files.ts'
import { type Group, groupsOf, layerOfKind, nameWords, suffixOf } from './groups.ts'

export type PlannedComponent = {
  name: string
  type: string
  layer: Group['layer']
  file_path: string
  description: string
  responsibility: string
  interfaces: { method: string; inputs: string; outputs: string }[]
  dependencies: string[]
  requirements: string[]
}

const MOST_METHODS = 6

type Model = Pick<DataModel, 'name'>

/** The groups of which components are made: those of the spec, and what they share. */
export function plannedGroups(requirements: RequirementsOutput, models: readonly Model[]): Group[] {
  const subject = nameWords(models[0]?.name ?? requirements.featureName)
  const groups = groupsOf(requirements).map((group) => named(group, subject))
  const shared = [storeOf(groups, requirements.requirements, models), routesOf(groups, requirements, subject)]
  return [...groups, ...shared.flatMap((group) => group ?? [])].toSorted((a, b) => a.layer.localeCompare(b.layer))
}

/** A heading such as "Storage" says what kind of part it is, but not of what. */
function named(group: Group, subject: readonly string[]): Group {
  const own = group.words.filter((word) => !isNameOfKind(group.kind, word))
  return own.length > 0 ? group : { ...group, words: [...subject] }
}

const KEEPS =
  /\b(?:stor\w+|persist\w*|sav(?:e|es|ed|ing)|record\w*|keep\w*|kept|database|restart\w*|delet\w+|remov\w+)\b/i

/** One place that keeps the data, where requirements speak of keeping it. */
function storeOf(
  groups: readonly Group[],
  requirements: readonly Requirement[],
  [model]: readonly Model[],
): Group | undefined {
  const keeping = requirements.filter(({ text }) => KEEPS.test(text))
  if (model === undefined || keeping.length === 0 || groups.some(({ kind }) => kind === 'store')) return undefined
  const words = nameWords(model.name)
  return { kind: 'store', layer: layerOfKind('store'), title: `Storage of ${model.name}`, words, requirements: keeping }
}

export const ENDPOINT = /\b(GET|POST|PUT|PATCH|DELETE|HEAD)\s+(\/[^\s`"',;)]*)/g

/** One place that answers requests, where requirements name them. */
function routesOf(
  groups: readonly Group[],
  { requirements }: RequirementsOutput,
  words: readonly string[],
): Group | undefined {
  const answering = requirements.filter(({ text }) => text.search(ENDPOINT) !== -1)
  if (answering.length === 0 || groups.some(({ kind }) => kind === 'routes')) return undefined
  const layer = layerOfKind('routes')
  return { kind: 'routes', layer, title: 'HTTP interface', words: [...words], requirements: answering }
}

/** Words by which files of the components would be found in the source. */
export const wordsOfGroups = (groups: readonly Group[]): string[] => [
  ...new Set(groups.flatMap(({ kind, words }) => fileWords(kind, words)).filter((word) => word.length > 2)),
]

export function componentsOf(groups: readonly Group[], layout: Layout, known: readonly string[]): PlannedComponent[] {
  const names = uniqueNames(groups)
  return groups.map((group, index) => ({
    name: names[index] ?? '',
    type: group.kind,
    layer: group.layer,
    file_path: fileOf(group.kind, group.words, layout, known),
    description: `Answers for "${group.title}" of the spec: ${group.requirements.length} ${group.requirements.length === 1 ? 'requirement' : 'requirements'}.`,
    responsibility: responsibilityOf(group),
    interfaces: group.requirements.slice(0, MOST_METHODS).map(methodOf),
    dependencies: dependenciesOf(group, groups, names),
    requirements: group.requirements.map(({ id }) => id),
  }))
}

function uniqueNames(groups: readonly Group[]): string[] {
  const taken = new Set<string>()
  return groups.map(({ kind, words }) => {
    const suffix = suffixOf(kind)
    const base = pascalCase(words.at(-1) === suffix ? words : [...words, suffix])
    let name = base
    for (let number = 2; taken.has(name); number++) name = `${base}${number}`
    taken.add(name)
    return name
  })
}

const responsibilityOf = ({ requirements }: Group): string => {
  const [first, second, ...rest] = requirements.map(({ title }) => decapitalised(title))
  const more = rest.length === 0 ? '' : `, and ${rest.length} more`
  return [first, second].filter(Boolean).join('; ') + more
}

const METHOD_WORDS = 4

/** A call that does what the requirement asks: named by it, fed by its condition, seen by its effect. */
function methodOf({ text, acceptanceCriteria }: Requirement): PlannedComponent['interfaces'][number] {
  const parsed = parseEars(text)
  const response = parsed.ok ? parsed.requirement.response : text
  const literals = [...text.matchAll(/`([A-Za-z_][\w.]*)`/g)].flatMap(([, literal]) => literal ?? [])
  const condition = parsed.ok ? parsed.requirement.clauses.map((clause) => clause.text).join(', ') : ''
  const spoken = response.replace(/`[A-Z]+ \/[^`]*`/g, '').replace(/^not /i, 'prevent ')
  const words = identifierWords(spoken.replace(/^ensure that /i, 'ensure '))
  const telling = words.filter((word) => !/^(?:the|a|an|to|of|with|and|that|is|are|be|not)$/.test(word))
  return {
    method: camelCase(telling.slice(0, METHOD_WORDS)) || 'run',
    inputs: literals.slice(0, 4).join(', ') || clip(condition, 80) || 'none beyond the call',
    outputs: clip(acceptanceCriteria[0] ?? response, 120),
  }
}

/** Lower components that this one shares requirements or words with; only downwards, so that no cycle can be. */
function dependenciesOf(group: Group, groups: readonly Group[], names: readonly string[]): string[] {
  const words = new Set(group.requirements.flatMap(({ text }) => tellingWords(text)))
  return groups.flatMap((other, index) => {
    if (other.layer >= group.layer) return []
    const shares = other.requirements.some((requirement) => group.requirements.includes(requirement))
    const common = new Set(
      other.requirements.flatMap(({ text }) => tellingWords(text)).filter((word) => words.has(word)),
    ).size
    return shares || common >= 2 ? [names[index] ?? ''] : []
  })
}
