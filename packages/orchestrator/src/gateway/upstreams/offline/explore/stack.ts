import * as z from 'zod'
import type { Sight } from './look.ts'
import { baseOf, byDepth, isEntry, isMainLanguage, isManifest, isTest, languageOfExtension } from './paths.ts'

/** What the project is made of, as its files say. */
export type Stack = {
  /** Languages, the most used first; empty where there is no code. */
  languages: string[]
  /** Frameworks, libraries and tools that are worth a name. */
  tools: string[]
  kind: string
  /** Name by its manifest, or ''. */
  name: string
  description: string
  testFramework: string
  /** Runs the tests; '' where nothing says how. */
  testCommand: string
}

/** Dependency → what it is called, and what a project with it is. */
const KNOWN: Readonly<Record<string, readonly [name: string, kind?: string]>> = {
  express: ['Express', 'web service'],
  fastify: ['Fastify', 'web service'],
  koa: ['Koa', 'web service'],
  hono: ['Hono', 'web service'],
  '@nestjs/core': ['NestJS', 'web service'],
  next: ['Next.js', 'web application'],
  nuxt: ['Nuxt', 'web application'],
  react: ['React', 'web application'],
  vue: ['Vue', 'web application'],
  svelte: ['Svelte', 'web application'],
  '@angular/core': ['Angular', 'web application'],
  electron: ['Electron', 'desktop application'],
  commander: ['Commander', 'command-line tool'],
  yargs: ['yargs', 'command-line tool'],
  prisma: ['Prisma'],
  typeorm: ['TypeORM'],
  'drizzle-orm': ['Drizzle'],
  mongoose: ['Mongoose'],
  pg: ['PostgreSQL'],
  redis: ['Redis'],
  zod: ['zod'],
  typescript: ['TypeScript compiler'],
  vitest: ['vitest'],
  jest: ['Jest'],
  mocha: ['Mocha'],
  playwright: ['Playwright'],
  eslint: ['ESLint'],
  '@biomejs/biome': ['Biome'],
  vite: ['Vite'],
  django: ['Django', 'web service'],
  flask: ['Flask', 'web service'],
  fastapi: ['FastAPI', 'web service'],
  sqlalchemy: ['SQLAlchemy'],
  pydantic: ['Pydantic'],
  pytest: ['pytest'],
  celery: ['Celery'],
  click: ['Click', 'command-line tool'],
  typer: ['Typer', 'command-line tool'],
  numpy: ['NumPy'],
  pandas: ['pandas'],
  'github.com/gin-gonic/gin': ['Gin', 'web service'],
  'github.com/labstack/echo': ['Echo', 'web service'],
  'github.com/go-chi/chi': ['chi', 'web service'],
  'github.com/spf13/cobra': ['Cobra', 'command-line tool'],
  'gorm.io/gorm': ['GORM'],
  axum: ['Axum', 'web service'],
  'actix-web': ['Actix', 'web service'],
  tokio: ['Tokio'],
  serde: ['Serde'],
  clap: ['clap', 'command-line tool'],
  sqlx: ['SQLx'],
  'spring-boot-starter-web': ['Spring Boot', 'web service'],
  'spring-boot': ['Spring Boot', 'web service'],
  quarkus: ['Quarkus', 'web service'],
  hibernate: ['Hibernate'],
  'junit-jupiter': ['JUnit 5'],
  rails: ['Rails', 'web application'],
  sinatra: ['Sinatra', 'web service'],
  rspec: ['RSpec'],
  'laravel/framework': ['Laravel', 'web application'],
  'phpunit/phpunit': ['PHPUnit'],
  phoenix: ['Phoenix', 'web application'],
}

/** Manifest → the ecosystem's name and its usual way to run tests. */
const ECOSYSTEMS: readonly (readonly [RegExp, string, string])[] = [
  [/^package\.json$/, 'Node.js', ''],
  [/^(?:pyproject\.toml|setup\.py|requirements.*\.txt)$/, 'Python packaging', 'python -m pytest'],
  [/^go\.mod$/, 'Go modules', 'go test ./...'],
  [/^Cargo\.toml$/, 'Cargo', 'cargo test'],
  [/^pom\.xml$/, 'Maven', 'mvn test'],
  [/^build\.gradle(?:\.kts)?$/, 'Gradle', './gradlew test'],
  [/^Gemfile$/, 'Bundler', 'bundle exec rspec'],
  [/^composer\.json$/, 'Composer', 'vendor/bin/phpunit'],
  [/^mix\.exs$/, 'Mix', 'mix test'],
  [/^Package\.swift$/, 'Swift Package Manager', 'swift test'],
  [/\.csproj$/, '.NET', 'dotnet test'],
]

const Texts = z.record(z.string(), z.string())
const PackageJson = z.object({
  name: z.string().optional(),
  description: z.string().optional(),
  scripts: Texts.optional(),
  dependencies: Texts.optional(),
  devDependencies: Texts.optional(),
  bin: z.unknown().optional(),
  main: z.string().optional(),
  exports: z.unknown().optional(),
  workspaces: z.unknown().optional(),
})
type PackageJson = z.infer<typeof PackageJson>

const MOST_TOOLS = 8

export function stackOf(sight: Sight): Stack {
  const { tree, content, declarations } = sight
  const manifests = tree.paths.filter(isManifest).toSorted(byDepth)
  const root = packageJsonOf(content.files.get(manifests.find((path) => baseOf(path) === 'package.json') ?? ''))
  const known = manifests.flatMap((path) => dependenciesOf(path, content.files.get(path) ?? ''))
  const ecosystems = ECOSYSTEMS.filter(([file]) => manifests.some((path) => file.test(baseOf(path))))
  const testFramework = frameworkOf(declarations.testStyles, known)
  const names = [
    ...ecosystems.map(([, name]) => name),
    ...known.map(([name]) => name),
    testFramework,
    ...marksOf(tree.paths),
  ]
  const readme = [...content.files].find(([path]) => /^readme/i.test(baseOf(path)))?.[1] ?? ''
  return {
    languages: languagesOf(sight),
    tools: [...new Set(names.filter(Boolean))].slice(0, MOST_TOOLS),
    kind: kindOf(root, known.find(([, kind]) => kind !== undefined)?.[1], tree.paths),
    name: root.name ?? manifestName(content.files) ?? '',
    description: root.description ?? firstParagraph(readme),
    testFramework,
    testCommand: testCommandOf(root, ecosystems, tree.paths, testFramework),
  }
}

/** A manifest that was cut short is no JSON any more; then its beginning is read line by line. */
function packageJsonOf(text: string | undefined): PackageJson {
  if (text === undefined) return {}
  try {
    return PackageJson.parse(JSON.parse(text))
  } catch {
    const field = (name: string) => new RegExp(`^ {0,4}"${name}":\\s*"([^"]*)"`, 'm').exec(text)?.[1]
    const [name, description, test] = [field('name'), field('description'), /"test":\s*"([^"]+)"/.exec(text)?.[1]]
    return { ...(name && { name }), ...(description && { description }), ...(test && { scripts: { test } }) }
  }
}

function dependenciesOf(path: string, text: string): (readonly [string, string?])[] {
  if (text === '') return []
  return Object.entries(KNOWN).flatMap(([dependency, known]) => {
    const escaped = dependency.replace(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`)
    const form = baseOf(path) === 'package.json' ? `"${escaped}"\\s*:` : String.raw`(?:^|[\s"'/:>(])${escaped}(?![\w-])`
    return new RegExp(form, 'im').test(text) ? [known] : []
  })
}

function languagesOf({ tree }: Sight): string[] {
  const counts = new Map<string, number>()
  for (const { extension, count } of tree.extensions) {
    const language = languageOfExtension(extension)
    if (language !== undefined && isMainLanguage(language)) counts.set(language, (counts.get(language) ?? 0) + count)
  }
  const all = [...counts.values()].reduce((sum, count) => sum + count, 0)
  return [...counts]
    .filter(([, count]) => count >= all * 0.03)
    .sort((a, b) => b[1] - a[1])
    .slice(0, 4)
    .map(([language]) => language)
}

function kindOf(root: PackageJson, byDependency: string | undefined, paths: readonly string[]): string {
  if (root.workspaces !== undefined) return 'monorepo'
  if (byDependency !== undefined) return byDependency
  const entries = paths.filter(isEntry).map((path) => baseOf(path).replace(/\..*$/, '').toLowerCase())
  if (entries.some((entry) => ['server', 'wsgi', 'asgi'].includes(entry))) return 'service'
  if (root.bin !== undefined || entries.includes('cli')) return 'command-line tool'
  if (root.exports !== undefined || entries.includes('lib')) return 'library'
  return entries.some((entry) => ['main', 'app', '__main__', 'program', 'application'].includes(entry))
    ? 'application'
    : 'project'
}

const STYLE_NAMES: Readonly<Record<string, string>> = {
  'testing"': 'Go testing',
  '#[test]': 'Rust tests',
  '#[tokio::test]': 'Rust tests',
  'org.junit': 'JUnit',
}
const TEST_TOOLS = /^(?:vitest|Jest|Mocha|pytest|JUnit 5|RSpec|PHPUnit|Playwright)$/

const frameworkOf = ([style]: readonly string[], known: readonly (readonly [string, string?])[]): string =>
  style === undefined ? (known.find(([name]) => TEST_TOOLS.test(name))?.[0] ?? '') : (STYLE_NAMES[style] ?? style)

function testCommandOf(
  root: PackageJson,
  ecosystems: readonly (readonly [RegExp, string, string])[],
  paths: readonly string[],
  framework: string,
): string {
  const script = root.scripts?.test
  if (script !== undefined && !/no test specified/.test(script)) return 'npm test'
  const usual = ecosystems.find(([, , command]) => command !== '')?.[2]
  if (usual !== undefined) return framework === 'unittest' ? 'python -m unittest' : usual
  if (framework === 'node:test') return 'node --test'
  return paths.some((path) => isTest(path) && path.endsWith('.py')) ? 'python -m pytest' : ''
}

/** Tools that show by a file of their own. */
const marksOf = (paths: readonly string[]): string[] =>
  [
    ['Dockerfile', 'Docker'],
    ['Makefile', 'Make'],
  ].flatMap(([file, name = '']) => (paths.some((path) => baseOf(path) === file) ? [name] : []))

function manifestName(files: ReadonlyMap<string, string>): string | undefined {
  return [...files.values()].map(nameInManifest).find((name) => name !== undefined)
}

/** What a manifest of any ecosystem calls its project. */
export const nameInManifest = (text: string): string | undefined =>
  /^(?:module\s+|name\s*=\s*"|\s*<artifactId>| {0,4}"name":\s*")([^\s"<]+)/m.exec(text)?.[1]

/** The first prose of a README. */
function firstParagraph(markdown: string): string {
  const line = markdown.split('\n').find((text) => /^[\p{L}`*]/u.test(text) && text.length > 20)
  return line?.trim() ?? ''
}
