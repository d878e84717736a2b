import type { Layer, Requirement, RequirementsOutput } from '@specfleet/shared'
import { identifierWords, singular } from '../text/words.ts'

/** What part a group of requirements plays in a system. */
export type GroupKind = 'store' | 'configuration' | 'service' | 'policy' | 'routes' | 'view' | 'command' | 'adapter'

export type Group = {
  kind: GroupKind
  layer: Layer
  /** What the group is called in the spec. */
  title: string
  /** Words of its name, for identifiers and files. */
  words: string[]
  requirements: Requirement[]
}

type Kind = { layer: Layer; suffix: string; title: RegExp }

/** In the order of their precedence; the last one is what nothing else is. */
const KINDS: Readonly<Record<GroupKind, Kind>> = {
  store: {
    layer: 'L0',
    suffix: 'store',
    title: /\b(?:storage|stor(?:e|ing)|persist\w*|database|repositor\w+|saving)\b/i,
  },
  configuration: {
    layer: 'L0',
    suffix: 'configuration',
    title: /\b(?:config\w*|settings?|constraints?|environment|setup|deployment|infrastructure)\b/i,
  },
  routes: { layer: 'L2', suffix: 'routes', title: /\b(?:api|http|rest|endpoints?|routes?|graphql)\b/i },
  view: {
    layer: 'L2',
    suffix: 'view',
    title: /\b(?:ui|page|pages|screen|screens|frontend|interface|dashboard|form|view|accessibility|usability)\b/i,
  },
  command: { layer: 'L2', suffix: 'command', title: /\b(?:cli|commands?|command[- ]line|terminal)\b/i },
  adapter: {
    layer: 'L3',
    suffix: 'adapter',
    title: /\b(?:integrations?|notifications?|webhooks?|e-?mails?|third[- ]part\w+|sync\w*)\b/i,
  },
  policy: {
    layer: 'L1',
    suffix: 'policy',
    title:
      /\b(?:security|permissions?|access|auth\w*|limits?|limiting|quotas?|performance|reliability|privacy|validation|abuse)\b/i,
  },
  service: { layer: 'L1', suffix: 'service', title: /(?:)/ },
}

export const suffixOf = (kind: GroupKind): string => KINDS[kind].suffix
export const layerOfKind = (kind: GroupKind): Layer => KINDS[kind].layer

const isKind = (name: string): name is GroupKind => Object.hasOwn(KINDS, name)
const MOST_OF_ONE_GROUP = 12

/** The requirements as the spec groups them: by its headings, and by their kind where one heading holds very many. */
export function groupsOf({ requirements, featureName }: RequirementsOutput): Group[] {
  const byCategory = Map.groupBy(requirements, ({ category }) => category)
  const groups = [...byCategory].flatMap(([category, members]) => {
    const title = category || featureName
    const types = Map.groupBy(members, ({ type }) => type)
    if (members.length <= MOST_OF_ONE_GROUP || types.size === 1) return [groupOf(title, members)]
    return [...types].map(([type, some]) => groupOf(type === 'functional' ? title : `${title} ${type}`, some))
  })
  return groups.toSorted((a, b) => a.layer.localeCompare(b.layer))
}

const NAME_WORDS = 3

function groupOf(title: string, requirements: Requirement[]): Group {
  const kind =
    Object.keys(KINDS)
      .filter(isKind)
      .find((name) => KINDS[name].title.test(title)) ?? 'service'
  return { kind, layer: KINDS[kind].layer, title, words: nameWords(title), requirements }
}

/** The words of a title that make a name. */
export function nameWords(title: string): string[] {
  const words = identifierWords(title).filter(
    (word) => !/^(?:the|a|an|of|and|or|for|to|in|on|with|by|requirements?|functional|\d+)$/.test(word),
  )
  const named = words.slice(0, NAME_WORDS)
  return named.length > 0 ? named : ['feature']
}

export const singulars = (words: readonly string[]): string[] => words.map(singular)
