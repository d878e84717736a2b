import { baseOf, byFrequency, extensionOf, folderOf, isSource, isTest } from './explore/paths.ts'
import { camelCase, kebabCase, pascalCase, snakeCase } from './text/words.ts'

const NAMINGS = ['kebab-case', 'snake_case', 'camelCase', 'PascalCase'] as const
export type Naming = (typeof NAMINGS)[number]

/** Where new files go and what they are called, read off the files there are. */
export type Layout = {
  /** Without its dot. */
  extension: string
  /** Folder of the sources; '' for the root. */
  folder: string
  naming: Naming
  tests: { place: 'beside' } | { place: 'folder'; folder: string }
  /** What the name of a test has before and behind the name of what it tests. */
  testAffix: { prefix: string; suffix: string }
}

type Habits = Pick<Layout, 'naming' | 'folder' | 'tests' | 'testAffix'>

const inFolder = (folder: string) => ({ place: 'folder' as const, folder })
const affix = (prefix: string, suffix: string) => ({ prefix, suffix })
const SCRIPT: Habits = { naming: 'kebab-case', folder: 'src', tests: inFolder('test'), testAffix: affix('', '.test') }

/** The habits of a language's own community: for what a tree without such files cannot show. */
const HABITS: Readonly<Record<string, Habits>> = {
  ts: SCRIPT,
  py: { naming: 'snake_case', folder: 'src', tests: inFolder('tests'), testAffix: affix('test_', '') },
  go: { naming: 'snake_case', folder: 'internal', tests: { place: 'beside' }, testAffix: affix('', '_test') },
  rs: { naming: 'snake_case', folder: 'src', tests: inFolder('tests'), testAffix: affix('', '') },
  java: {
    naming: 'PascalCase',
    folder: 'src/main/java',
    tests: inFolder('src/test/java'),
    testAffix: affix('', 'Test'),
  },
  kt: {
    naming: 'PascalCase',
    folder: 'src/main/kotlin',
    tests: inFolder('src/test/kotlin'),
    testAffix: affix('', 'Test'),
  },
  rb: { naming: 'snake_case', folder: 'lib', tests: inFolder('spec'), testAffix: affix('', '_spec') },
  cs: { naming: 'PascalCase', folder: 'src', tests: inFolder('tests'), testAffix: affix('', 'Tests') },
  php: { naming: 'PascalCase', folder: 'src', tests: inFolder('tests'), testAffix: affix('', 'Test') },
}

/** Languages by the words that specs name them with. */
const NAMED: readonly (readonly [RegExp, string])[] = [
  [/\btypescript\b/i, 'ts'],
  [/\b(?:javascript|node(?:\.js)?|express|react)\b/i, 'js'],
  [/\b(?:python|django|flask|fastapi)\b/i, 'py'],
  [/\b(?:golang|go (?:service|module|program|1\.\d+)|in Go)\b/, 'go'],
  [/\b(?:rust|cargo)\b/i, 'rs'],
  [/\bkotlin\b/i, 'kt'],
  [/\b(?:java|spring boot)\b/i, 'java'],
  [/\b(?:ruby|rails)\b/i, 'rb'],
  [/\b(?:c#|\.net)(?!\w)/i, 'cs'],
  [/\b(?:php|laravel)\b/i, 'php'],
]

/** The file extension of the language that a text names; `undefined` when it names none. */
export const extensionNamedIn = (text: string): string | undefined => NAMED.find(([words]) => words.test(text))?.[1]

export const DEFAULT_EXTENSION = 'ts'

/**
 * @param paths Files of the source, as far as they are known.
 * @param fallback Extension to use where they show none.
 */
export function layoutOf(paths: readonly string[], fallback: string = DEFAULT_EXTENSION): Layout {
  const sources = paths.filter(isSource)
  const tests = paths.filter(isTest)
  const extension = byFrequency([...sources, ...tests].map(extensionOf))[0] ?? fallback
  const habits = HABITS[extension] ?? SCRIPT
  const alike = sources.filter((path) => extensionOf(path) === extension)
  return {
    extension,
    folder: alike.length === 0 ? habits.folder : (byFrequency(alike.map(sourceRoot))[0] ?? ''),
    naming: namingOf(alike) ?? habits.naming,
    ...testHabit(
      tests.filter((path) => extensionOf(path) === extension),
      habits,
    ),
  }
}

/** `src` of `src/api/routes.ts`, `packages/a/src` of `packages/a/src/b.ts`, all of a short folder. */
function sourceRoot(path: string): string {
  const folders = folderOf(path).split('/')
  const root = folders.findIndex((folder) => /^(?:src|lib|app|internal|pkg|cmd)$/.test(folder))
  const java = /^(.*src\/main\/(?:java|kotlin|scala)(?:\/[^/]+){0,3})/.exec(folderOf(path))?.[1]
  return java ?? folders.slice(0, root === -1 ? 2 : root + 1).join('/')
}

const STYLES: Readonly<Record<Naming, RegExp>> = {
  'kebab-case': /^[a-z0-9]+(?:-[a-z0-9]+)+$/,
  snake_case: /^[a-z0-9]+(?:_[a-z0-9]+)+$/,
  camelCase: /^[a-z]+(?:[A-Z][a-z0-9]*)+$/,
  PascalCase: /^(?:[A-Z][a-z0-9]*)+$/,
}

/** Whether the name of a file shows a style; a single small word shows none. */
export const showsNaming = (path: string, naming: Naming): boolean =>
  STYLES[naming].test(baseOf(path).replace(/\..*$/, ''))

function namingOf(paths: readonly string[]): Naming | undefined {
  const styles = paths.flatMap((path) => NAMINGS.filter((naming) => showsNaming(path, naming)))
  return NAMINGS.toSorted((a, b) => count(styles, b) - count(styles, a)).find((style) => styles.includes(style))
}

const count = <T>(values: readonly T[], wanted: T): number => values.filter((value) => value === wanted).length

function testHabit(tests: readonly string[], habits: Habits): Pick<Layout, 'tests' | 'testAffix'> {
  if (tests.length === 0) return { tests: habits.tests, testAffix: habits.testAffix }
  const [most = ' '] = byFrequency(tests.map((path) => Object.values(affixOf(path)).join(' ')))
  const [prefix = '', suffix = ''] = most.split(' ')
  const folders = tests.map((path) => TEST_FOLDER.exec(path)?.[1] ?? '')
  const [folder = ''] = byFrequency(folders)
  return {
    tests: folder === '' ? { place: 'beside' } : { place: 'folder', folder },
    testAffix: { prefix, suffix },
  }
}

const TEST_FOLDER = /^(.*?(?:^|\/)(?:tests?|__tests__|src\/test\/(?:java|kotlin))|spec)(?=\/)/

function affixOf(test: string): Layout['testAffix'] {
  const stem = baseOf(test).replace(/\.[A-Za-z0-9]+$/, '')
  return affix(/^test_/.exec(stem)?.[0] ?? '', /(?:[._-](?:test|spec)|Tests?)$/.exec(stem)?.[0] ?? '')
}

const CASES: Readonly<Record<Naming, (words: readonly string[]) => string>> = {
  'kebab-case': kebabCase,
  snake_case: snakeCase,
  camelCase,
  PascalCase: pascalCase,
}

/** The path of a new source file. */
export function sourcePath(layout: Layout, words: readonly string[]): string {
  const name = `${CASES[layout.naming](words)}.${layout.extension}`
  return layout.folder === '' ? name : `${layout.folder}/${name}`
}

/** Where the test of a source file stands. */
export function testPath({ testAffix, tests }: Layout, source: string): string {
  const name = baseOf(source).replace(/(\.[A-Za-z0-9]+)$/, `${testAffix.suffix}$1`)
  const folder = tests.place === 'folder' ? tests.folder : folderOf(source)
  return `${folder === '' ? '' : `${folder}/`}${testAffix.prefix}${name}`
}
