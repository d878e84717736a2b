import type { ExploreInput } from '@specfleet/shared'
import type { Spec } from '../conversation.ts'
import { DEFAULT_EXTENSION, extensionNamedIn, type Layout, layoutOf } from '../layout.ts'
import { languageOfExtension } from './paths.ts'

/**
 * What is said of a source without code: the spec alone decides, and what it leaves open is said to
 * be assumed.
 *
 * @param seen how many files there are, and why no more could be seen; '' where there is no more
 */
export function greenfield(spec: Spec, { failure, files }: { failure: string; files: number }): ExploreInput {
  const named = extensionNamedIn(spec.text)
  const layout = layoutOf([], named ?? DEFAULT_EXTENSION)
  const language = languageOfExtension(layout.extension) ?? layout.extension
  const assumed = named === undefined ? ' (assumed: the spec names no language)' : ' (named by the spec)'
  const { tests } = layout
  const seen =
    failure === ''
      ? `The workspace holds ${files === 0 ? 'no files' : 'no code yet'}: nothing exists that could be extended`
      : `The source could not be looked at (${failure}): nothing is known that could be extended`
  return {
    codebase_summary: `${seen}, so the feature is built from nothing in ${language}${assumed}.`,
    project_type: `greenfield ${language} project`,
    tech_stack: [`${language}${assumed}`, `the usual tools of ${language} for packages and tests`],
    structure: {
      'source (planned)': `${layout.folder || 'the root'} (to be created)`,
      'tests (planned)':
        tests.place === 'folder' ? `${tests.folder} (to be created)` : 'beside the sources (to be created)',
    },
    key_files: [],
    conventions: {
      naming: `${layout.naming} file names (planned)`,
      testing: testingPlanned(layout),
      patterns: ['No code is known whose patterns could be followed'],
    },
    test_structure: 'No tests are known.',
    notes: 'Greenfield: every path of the design is new.',
  }
}

function testingPlanned({ tests, testAffix, extension }: Layout): string {
  const where = tests.place === 'folder' ? `in ${tests.folder}` : 'beside what they test'
  return `Tests ${where}, named ${testAffix.prefix}<name>${testAffix.suffix}.${extension} (planned)`
}
