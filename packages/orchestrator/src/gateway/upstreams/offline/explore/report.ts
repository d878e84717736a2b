import type { ExploreInput } from '@specfleet/shared'
import type { Spec } from '../conversation.ts'
import { layoutOf } from '../layout.ts'
import { clip, wordsOf } from '../text/words.ts'
import { conventionsOf, patternsOf } from './conventions.ts'
import { greenfield } from './greenfield.ts'
import { closest, type Sight } from './look.ts'
import {
  baseOf,
  byDepth,
  byStart,
  folderOf,
  isCode,
  isEntry,
  isManifest,
  isReadme,
  isSource,
  isTest,
  languageOfExtension,
} from './paths.ts'
import { nameInManifest, type Stack, stackOf } from './stack.ts'
import { aboutFeature } from './summary.ts'

const MOST_KEY_FILES = 12
const MOST_AREAS = 10
const MOST_RELATED = 8
const MOST_MODELS = 12

/** What the explore phase hands in: the source as it was seen, and the feature as the spec tells it. */
export function exploreReport(spec: Spec, sight: Sight): ExploreInput {
  const about = aboutFeature(spec)
  const { paths, total } = sight.tree
  if (total === 0) return { ...greenfield(spec, { failure: sight.failure, files: 0 }), ...about }
  if (paths.some((path) => isCode(path) || isManifest(path))) return { ...existing(sight), ...about }
  const bare = greenfield(spec, { failure: sight.failure, files: total })
  return { ...bare, key_files: keyFilesOf(sight, stackOf(sight)), ...about }
}

function existing(sight: Sight): ExploreInput {
  const { tree } = sight
  const stack = stackOf(sight)
  const layout = layoutOf(tree.paths)
  const tests = tree.paths.filter(isTest)
  const runs = stack.testCommand === '' ? '' : `, run with \`${stack.testCommand}\``
  return {
    codebase_summary: summaryOf(sight, stack),
    project_type: [stack.languages[0], stack.kind].filter(Boolean).join(' '),
    tech_stack: [...stack.languages, ...stack.tools],
    structure: structureOf(sight),
    key_files: keyFilesOf(sight, stack),
    relevant_patterns: patternsOf(sight, layout),
    conventions: conventionsOf(sight, stack, layout),
    related_to_feature: relatedOf(sight).map(({ path, terms }) => ({
      name: baseOf(path).replace(/\.[^.]*$/, ''),
      file: path,
      relevance: terms.length === 0 ? 'speaks of what the spec speaks of' : `speaks of ${terms.slice(0, 6).join(', ')}`,
    })),
    existing_models: modelsOf(sight),
    entry_points: tree.paths.filter(isEntry).toSorted(byStart).slice(0, 6),
    notes:
      sight.failure === '' ? '' : `The source could not be surveyed (${sight.failure}): only its top level is known.`,
    test_structure:
      tests.length === 0 ? 'No tests were found.' : `${tests.length} test files, such as ${tests[0]}${runs}.`,
  }
}

/** Code before prose, since it is code that is built upon. */
function relatedOf({ content }: Sight): Sight['content']['related'] {
  const sources = content.related.filter(({ path }) => isSource(path))
  return (sources.length > 0 ? sources : content.related).slice(0, MOST_RELATED)
}

function summaryOf({ tree }: Sight, stack: Stack): string {
  const languages = tree.extensions
    .flatMap(({ extension, count }) => (languageOfExtension(extension) === undefined ? [] : [`${count} .${extension}`]))
    .slice(0, 4)
  const folders = tree.folders.filter(({ path }) => !path.includes('/')).slice(0, 5)
  const what = [stack.languages.slice(0, 2).join(' and '), stack.kind].filter(Boolean).join(' ')
  return [
    `${stack.name === '' ? 'The project' : stack.name} is a ${what} of ${tree.total} files${languages.length === 0 ? '' : ` (${languages.join(', ')})`}.`,
    stack.description.replace(/[^.!?]$/, '$&.'),
    folders.length === 0
      ? 'All files stand at its root.'
      : `Its main folders are ${folders.map(({ path, count }) => `${path} (${count})`).join(', ')}.`,
    stack.tools.length === 0 ? '' : `It uses ${stack.tools.join(', ')}.`,
  ]
    .filter(Boolean)
    .join(' ')
}

function structureOf({ tree }: Sight): Record<string, string> {
  const areas = tree.folders.slice(0, MOST_AREAS).map(({ path }): [string, string] => [path.replaceAll('/', ' '), path])
  const known = areas.length < 2 ? [...areas, ['root', '.'] as [string, string]] : areas
  const [manifest] = tree.paths.filter(isManifest).toSorted(byDepth)
  const [first] = tree.paths.filter(isCode).toSorted(byDepth)
  if (known.length < 2 && manifest !== undefined) known.push(['manifest', manifest])
  if (known.length < 2 && first !== undefined) known.push(['code', first])
  return Object.fromEntries(known)
}

function keyFilesOf(sight: Sight, stack: Stack): { path: string; purpose: string }[] {
  const { tree, content } = sight
  const about = new Map(content.related.map(({ path, terms }) => [path, terms]))
  const purposeOf = (path: string): string => {
    const terms = about.get(path) ?? []
    const declared = sight.declarations.declared.filter(({ file }) => file === path).map(({ name }) => name)
    if (isManifest(path)) return manifestPurpose(content.files.get(path) ?? '')
    if (isReadme(path)) return stack.description === '' ? 'Introduces the project' : clip(stack.description, 100)
    if (!isCode(path)) return 'Belongs to the project beside its code'
    const role = isEntry(path) ? 'Entry point' : isTest(path) ? `Tests of ${testedBy(path)}` : 'Source'
    return [
      role,
      declared.length > 0 ? `declares ${declared.slice(0, 5).join(', ')}` : '',
      terms.length > 0 ? `speaks of ${terms.slice(0, 5).join(', ')}` : '',
    ]
      .filter(Boolean)
      .join('; ')
  }
  const chosen = [
    ...tree.paths.filter(isManifest).toSorted(byDepth).slice(0, 2),
    ...tree.paths.filter(isReadme).toSorted(byDepth).slice(0, 1),
    ...closest(tree, content).slice(0, 7),
    ...tree.paths.filter(isTest).slice(0, 2),
    ...tree.paths.filter((path) => isCode(path) || /\.(?:md|json|ya?ml|toml)$/.test(path)).toSorted(byDepth),
  ]
  return [...new Set(chosen)].slice(0, MOST_KEY_FILES).map((path) => ({ path, purpose: purposeOf(path) }))
}

const testedBy = (path: string): string =>
  wordsOf(baseOf(path).replace(/\.[^.]+$/, ''))
    .filter((word) => !/^(?:tests?|spec)$/.test(word))
    .join(' ')

function manifestPurpose(text: string): string {
  const name = nameInManifest(text)
  return `Manifest${name === undefined ? '' : ` of ${name}`}: what it depends on and how it is run`
}

const MODEL_KINDS = /^(?:class|interface|struct|record|type|model|enum|object)$/

/** Types declared in files that speak of the feature, or whose folder says that they hold models. */
function modelsOf({ declarations, content }: Sight): { name: string; file: string }[] {
  const near = new Set(content.related.map(({ path }) => path))
  return declarations.declared
    .filter(({ kind, name }) => MODEL_KINDS.test(kind) && !/(?:Error|Exception|Test|Props|Options|Config)$/.test(name))
    .filter(
      ({ file }) => near.has(file) || /model|entit|schema|domain|types?\b/i.test(`${folderOf(file)}/${baseOf(file)}`),
    )
    .slice(0, MOST_MODELS)
    .map(({ name, file }) => ({ name, file }))
}
