import type { ToolCall } from '../reply.ts'
import { FOREIGN, LIST_FILES, part, quoted } from './shell.ts'

/**
 * The commands that look at a source tree. Each prints a few kilobytes whatever the size of the
 * tree: counting and choosing happen in the shell, reading the result here.
 */

/** Begins every command, says what it is for, and is how its result is found again. */
const titled = (title: string, lines: readonly string[]): ToolCall => ({
  name: 'bash',
  input: { command: [`# ${title}`, ...lines].join('\n') },
})

export const TREE = 'Survey the tree'
export const CONTENT = 'Read manifests and find what the spec speaks of'
export const DECLARATIONS = 'Read declarations and tests'
export const EXISTING = 'See which files exist'

const MOST_PATHS = 400
const INTERESTING = [
  String.raw`(^|/)(package\.json|pyproject\.toml|setup\.py|requirements[^/]*\.txt|go\.mod|Cargo\.toml|pom\.xml|build\.gradle(\.kts)?|Gemfile|composer\.json|mix\.exs|Package\.swift|CMakeLists\.txt|Makefile|Dockerfile|[^/]+\.(csproj|sln)|README[^/]*)$`,
  String.raw`(^|/)(main|index|app|server|cli|manage|wsgi|asgi|__main__|lib|mod|program|application|bootstrap)\.[A-Za-z]+$`,
  String.raw`(^|/)(tests?|__tests__|e2e)/|^spec/|[._-](test|spec)\.[A-Za-z]+$|(^|/)test_[^/]+\.py$|_test\.(go|py)$|Tests?\.(java|kt|cs)$`,
]

/** Totals, extensions, folders, and the paths that tell most: all of a small tree, the telling ones of a large one. */
export function treeProbe(): ToolCall {
  const own = `printf '%s\\n' "$all" | grep -Ev ${quoted(FOREIGN)}`
  return titled(TREE, [
    `all=$(${LIST_FILES})`,
    `own=$(${own}); [ -n "$own" ] || own=''`,
    part('total'),
    `printf '%s' "$own" | grep -c ''`,
    part('extensions'),
    String.raw`printf '%s\n' "$own" | sed -n 's|.*/||; s|.*\.\([A-Za-z0-9_+-]*\)$|\1|p' | sort | uniq -c | sort -rn | head -30`,
    part('folders'),
    String.raw`printf '%s\n' "$own" | awk -F/ 'NF > 1 { n[$1]++ } NF > 2 { n[$1 "/" $2]++ } END { for (d in n) print n[d], d }' | sort -k1,1rn -k2 | head -40`,
    part('paths'),
    `if [ "$(printf '%s\\n' "$own" | wc -l)" -le ${MOST_PATHS} ]; then printf '%s\\n' "$own"; else`,
    ...INTERESTING.map(
      (pattern) =>
        `printf '%s\\n' "$own" | grep -E ${quoted(pattern)} | awk -F/ '{ print NF, $0 }' | sort -k1,1n -k2 | cut -d' ' -f2- | head -60`,
    ),
    String.raw`printf '%s\n' "$own" | awk -F/ '{ print NF, $0 }' | sort -k1,1n -k2 | cut -d' ' -f2- | head -160`,
    'fi',
    'true',
  ])
}

const MANIFEST_BYTES = 4_000

/** The beginnings of manifests and the README, and the files in which most of the terms occur. */
export function contentProbe(files: readonly string[], terms: readonly string[]): ToolCall {
  const pattern = terms.join('|')
  const search = `{ git grep --untracked -I -o -i -E ${quoted(pattern)} 2>/dev/null; [ $? -le 1 ]; } || grep -rIoiE --exclude-dir=.git --exclude-dir=node_modules ${quoted(pattern)} . | sed 's|^\\./||'`
  return titled(CONTENT, [
    ...files.flatMap((file) => [part(`file ${file}`), `head -c ${MANIFEST_BYTES} ${quoted(file)}`, 'echo']),
    ...(terms.length === 0
      ? []
      : [
          part('related'),
          `(${search}) | grep -Ev ${quoted(FOREIGN)} | awk -F: '{ key = $1 FS tolower($2) } !(key in seen) { seen[key]; n[$1]++; t[$1] = t[$1] " " tolower($2) } END { for (f in n) print n[f] "\\t" f "\\t" t[f] }' | sort -k1,1rn -k2 | head -25`,
        ]),
    'true',
  ])
}

const DECLARATION = String.raw`^\s*(export\s+)?(default\s+)?(public\s+|pub\s+|abstract\s+|final\s+|data\s+|async\s+)*(class|interface|struct|enum|trait|record|type|function|func|fn|def|model|object)\s+[A-Za-z_]`
const TEST_STYLE = String.raw`node:test|vitest|jest|mocha|pytest|unittest|testing"|#\[(tokio::)?test\]|org\.junit|kotlin\.test|xunit|NUnit|rspec|minitest|ExUnit|XCTest|playwright|cypress`

/** What is declared in some files, and how the tests are written. */
export function declarationsProbe(sources: readonly string[], tests: readonly string[]): ToolCall {
  return titled(DECLARATIONS, [
    ...(sources.length === 0
      ? []
      : [
          part('declarations'),
          `grep -nHE ${quoted(DECLARATION)} ${sources.map(quoted).join(' ')} /dev/null | cut -c1-180 | head -120`,
        ]),
    ...(tests.length === 0
      ? []
      : [
          part('test style'),
          `grep -ohE ${quoted(TEST_STYLE)} ${tests.map(quoted).join(' ')} /dev/null | sort | uniq -c | sort -rn | head -5`,
        ]),
    'true',
  ])
}

const MOST_CANDIDATES = 120

/** Which of the paths exist, and which other files bear one of the words in their names. */
export function existingProbe(paths: readonly string[], words: readonly string[]): ToolCall {
  const own = `(${LIST_FILES}) | grep -Ev ${quoted(FOREIGN)}`
  return titled(EXISTING, [
    part('existing'),
    ...(paths.length === 0
      ? []
      : [`for path in ${paths.map(quoted).join(' ')}; do [ -e "$path" ] && printf '%s\\n' "$path"; done`]),
    part('namesakes'),
    ...(words.length === 0
      ? []
      : [`${own} | grep -iE ${quoted(`(${words.join('|')})[^/]*$`)} | head -${MOST_CANDIDATES}`]),
    'true',
  ])
}
