import type { ExploreInput } from '@specfleet/shared'
import { type Layout, showsNaming } from '../layout.ts'
import type { Sight } from './look.ts'
import { baseOf, extensionOf, folderOf, isManifest, isSource, isTest } from './paths.ts'
import type { Stack } from './stack.ts'

type Conventions = Exclude<NonNullable<ExploreInput['conventions']>, string | unknown[]>

export function conventionsOf(sight: Sight, stack: Stack, layout: Layout): Conventions {
  const { paths } = sight.tree
  const alike = paths.filter((path) => isSource(path) && extensionOf(path) === layout.extension)
  const example = alike.find((path) => showsNaming(path, layout.naming))
  const named = example === undefined ? '' : `, such as \`${baseOf(example)}\``
  return {
    naming: `${layout.naming} file names${named}`,
    testing: testingOf(paths, stack, layout),
    patterns: habitsOf(sight, layout),
  }
}

function testingOf(paths: readonly string[], stack: Stack, { tests, testAffix, extension }: Layout): string {
  const runs = stack.testCommand === '' ? '' : `; run with \`${stack.testCommand}\``
  if (!paths.some(isTest)) return `No tests were found${runs}`
  const where = tests.place === 'folder' ? `in \`${tests.folder}\`` : 'beside what they test'
  const framework = stack.testFramework === '' ? '' : `${stack.testFramework}: `
  return `${framework}tests ${where}, named \`${testAffix.prefix}<name>${testAffix.suffix}.${extension}\`${runs}`
}

/** Habits of writing that show in one file read and in the tree. */
function habitsOf({ sample, tree }: Sight, layout: Layout): string[] {
  const lines = sample.split('\n')
  const script = /^[mc]?[jt]sx?$/.test(layout.extension)
  const indented = lines.map((line) => /^(\t| {2,8})(?=\S)/.exec(line)?.[1]).find(Boolean)
  const statements = lines.filter((line) => /[\w)\]'"`];?$/.test(line))
  const withSemicolon = statements.filter((line) => line.endsWith(';')).length
  return [
    script && /^import /m.test(sample) ? 'ES modules' : '',
    script && /\brequire\(/.test(sample) ? 'CommonJS modules' : '',
    script && statements.length > 3
      ? withSemicolon > statements.length / 2
        ? 'Statements end with semicolons'
        : 'No semicolons'
      : '',
    /\basync\b/.test(sample) ? 'Asynchronous functions for what waits' : '',
    indented === undefined ? '' : `Indentation by ${indented === '\t' ? 'tabs' : `${indented.length} spaces`}`,
    layout.folder === '' ? 'Sources stand at the root' : `Sources under ${layout.folder}`,
    tree.paths.filter(isManifest).length > 2 ? 'Several packages in one repository' : '',
  ].filter(Boolean)
}

/** Ways in which the code is cut that new work should follow, each with files that show it. */
export function patternsOf(
  { tree }: Sight,
  layout: Layout,
): { pattern: string; description: string; files: string[] }[] {
  const tests = tree.paths.filter(isTest)
  const sources = tree.paths.filter((path) => isSource(path) && folderOf(path).startsWith(layout.folder))
  const folders = new Set(sources.map(folderOf).filter((folder) => folder !== layout.folder))
  return [
    ...(tests.length === 0
      ? []
      : [
          {
            pattern: layout.tests.place === 'folder' ? 'Tests in a folder of their own' : 'Tests beside their sources',
            description: `New tests go ${layout.tests.place === 'folder' ? `to ${layout.tests.folder}` : 'next to what they test'}.`,
            files: tests.slice(0, 3),
          },
        ]),
    ...(sources.length < 2
      ? []
      : [
          {
            pattern: folders.size > 1 ? 'A folder for each concern' : 'A file for each concern',
            description:
              folders.size > 1
                ? `Sources are grouped as ${[...folders].slice(0, 5).join(', ')}.`
                : `Each concern has a file of its own${layout.folder === '' ? '' : ` in ${layout.folder}`}.`,
            files: sources.slice(0, 3),
          },
        ]),
  ]
}
