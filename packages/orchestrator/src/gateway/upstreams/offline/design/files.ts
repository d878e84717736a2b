import { baseOf, extensionOf, isSource } from '../explore/paths.ts'
import { type Layout, sourcePath } from '../layout.ts'
import { wordsOf } from '../text/words.ts'
import { type GroupKind, singulars, suffixOf } from './groups.ts'

/** Names under which a kind of component goes in other people's trees. */
const OTHER_NAMES: Readonly<Partial<Record<GroupKind, readonly string[]>>> = {
  routes: ['route', 'router', 'routing', 'server', 'handler', 'handlers', 'controller', 'api', 'http'],
  store: ['storage', 'persistence', 'repository', 'db', 'database'],
  configuration: ['config', 'setting', 'env'],
  command: ['cli'],
}
/** Names that say nothing of what is inside. */
const SAYS_NOTHING = new Set([
  'index',
  'main',
  'mod',
  'init',
  'util',
  'helper',
  'common',
  'type',
  'test',
  'feature',
  'service',
])

/** Whether a word names a kind of component rather than what a component is about. */
export const isNameOfKind = (kind: GroupKind, word: string): boolean =>
  singulars([suffixOf(kind), ...(OTHER_NAMES[kind] ?? [])]).includes(singulars([word])[0] ?? '')

/** Words by which an existing file of the component would be found. */
export const fileWords = (kind: GroupKind, words: readonly string[]): string[] => [
  ...singulars(words),
  ...(kind === 'service' || kind === 'policy' ? [] : [suffixOf(kind).replace(/s$/, '')]),
  ...(OTHER_NAMES[kind] ?? []),
]

/**
 * The file of a component: the existing one whose name is made of the component's words, else a
 * new one that follows the habits of the project.
 */
export function fileOf(kind: GroupKind, words: readonly string[], layout: Layout, known: readonly string[]): string {
  const wanted = new Set(fileWords(kind, words))
  const candidates = known.flatMap((path) => {
    const name = singulars(wordsOf(baseOf(path).replace(/\.[^.]+$/, '')))
    const fits =
      name.length > 0 && name.every((word) => wanted.has(word)) && !name.every((word) => SAYS_NOTHING.has(word))
    const own = name.filter((word) => singulars(words).includes(word)).length
    return fits && isSource(path) && extensionOf(path) === layout.extension ? [{ path, own, size: name.length }] : []
  })
  const [best] = candidates.toSorted((a, b) => b.own - a.own || b.size - a.size || (a.path < b.path ? -1 : 1))
  if (best !== undefined) return best.path
  const suffix = kind === 'service' || kind === 'policy' ? [] : [suffixOf(kind)]
  return sourcePath(layout, words.at(-1) === suffix[0] ? words : [...words, ...suffix])
}
