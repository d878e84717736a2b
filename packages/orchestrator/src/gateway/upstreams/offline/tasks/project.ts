import type { DesignOutput, ExploreOutput } from '@specfleet/shared'
import { nameWords } from '../design/groups.ts'
import type { Layout } from '../layout.ts'
import { testPath } from '../layout.ts'
import { kebabCase } from '../text/words.ts'

/** Where the work of a plan meets the project around it. */
export type Project = {
  layout: Layout
  /** Paths that exist, out of those that the plan may touch. */
  existing: ReadonlySet<string>
  /** Runs the tests. */
  testCommand: string
  /** The file that starts the program; `undefined` where none is known. */
  entryPoint: string | undefined
  /** `undefined` where there is a manifest already. */
  newManifest: string | undefined
  readme: string
  integrationTest: string
}

const MANIFESTS: Readonly<Record<string, string>> = {
  ts: 'package.json',
  tsx: 'package.json',
  js: 'package.json',
  mjs: 'package.json',
  py: 'pyproject.toml',
  go: 'go.mod',
  rs: 'Cargo.toml',
  java: 'pom.xml',
  kt: 'build.gradle.kts',
  rb: 'Gemfile',
  cs: 'project.csproj',
  php: 'composer.json',
}
const TEST_COMMANDS: Readonly<Record<string, string>> = {
  py: 'python -m pytest',
  go: 'go test ./...',
  rs: 'cargo test',
  java: 'mvn test',
  kt: './gradlew test',
  rb: 'bundle exec rspec',
  cs: 'dotnet test',
  php: 'vendor/bin/phpunit',
}

export function projectOf(
  design: DesignOutput,
  explore: ExploreOutput | undefined,
  layout: Layout,
): Omit<Project, 'existing'> {
  const greenfield = explore === undefined || explore.keyFiles.length === 0
  const said = [explore?.conventions.testing, explore?.testStructure].join(' ')
  const readme = explore?.keyFiles.find(({ path }) => /^readme(?:\.\w+)?$/i.test(path))?.path
  const feature = nameWords(design.featureName)
  const source = design.components.at(-1)?.filePath ?? ''
  const folder = source.slice(0, source.lastIndexOf('/') + 1)
  return {
    layout,
    testCommand: /run with `([^`]+)`/.exec(said)?.[1] ?? TEST_COMMANDS[layout.extension] ?? 'npm test',
    entryPoint: explore?.entryPoints[0],
    newManifest: greenfield ? (MANIFESTS[layout.extension] ?? 'package.json') : undefined,
    readme: readme ?? (greenfield ? 'README.md' : `docs/${kebabCase(feature)}.md`),
    integrationTest: testPath(
      layout,
      `${folder}${[...feature, 'integration'].join(layout.naming === 'kebab-case' ? '-' : '_')}.${layout.extension}`,
    ),
  }
}

/** Every path that the plan may touch: what must be known of is whether they exist. */
export const touchedPaths = (design: DesignOutput, project: Omit<Project, 'existing'>): string[] => [
  ...new Set([
    ...design.components.flatMap(({ filePath }) =>
      filePath === '' ? [] : [filePath, testPath(project.layout, filePath)],
    ),
    project.readme,
    project.integrationTest,
    ...(project.entryPoint === undefined ? [] : [project.entryPoint]),
  ]),
]
