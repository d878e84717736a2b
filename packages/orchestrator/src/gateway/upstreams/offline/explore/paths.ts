/** What a path tells by itself. Pure: the same rules for a tree of three files and of three thousand. */

const LANGUAGES: Readonly<Record<string, string>> = {
  ts: 'TypeScript',
  tsx: 'TypeScript',
  mts: 'TypeScript',
  cts: 'TypeScript',
  js: 'JavaScript',
  jsx: 'JavaScript',
  mjs: 'JavaScript',
  cjs: 'JavaScript',
  py: 'Python',
  go: 'Go',
  rs: 'Rust',
  java: 'Java',
  kt: 'Kotlin',
  kts: 'Kotlin',
  scala: 'Scala',
  rb: 'Ruby',
  php: 'PHP',
  cs: 'C#',
  fs: 'F#',
  c: 'C',
  h: 'C',
  cc: 'C++',
  cpp: 'C++',
  hpp: 'C++',
  swift: 'Swift',
  m: 'Objective-C',
  ex: 'Elixir',
  exs: 'Elixir',
  erl: 'Erlang',
  hs: 'Haskell',
  clj: 'Clojure',
  lua: 'Lua',
  dart: 'Dart',
  sh: 'Shell',
  bash: 'Shell',
  vue: 'Vue',
  svelte: 'Svelte',
  zig: 'Zig',
  jl: 'Julia',
  r: 'R',
  sql: 'SQL',
  html: 'HTML',
  css: 'CSS',
  scss: 'SCSS',
  tf: 'Terraform',
  proto: 'Protocol Buffers',
}
/** Languages that serve others and do not make a project theirs. */
const SIDE_LANGUAGES: ReadonlySet<string> = new Set([
  'Shell',
  'SQL',
  'HTML',
  'CSS',
  'SCSS',
  'Terraform',
  'Protocol Buffers',
])

export const extensionOf = (path: string): string => /\.([A-Za-z0-9]+)$/.exec(path)?.[1] ?? ''
export const baseOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)
export const folderOf = (path: string): string => path.slice(0, Math.max(path.lastIndexOf('/'), 0))
const depthOf = (path: string): number => path.split('/').length

export const languageOfExtension = (extension: string): string | undefined => LANGUAGES[extension.toLowerCase()]
export const isMainLanguage = (language: string): boolean => !SIDE_LANGUAGES.has(language)

const MANIFEST =
  /^(?:package\.json|pyproject\.toml|setup\.py|requirements[^/]*\.txt|go\.mod|Cargo\.toml|pom\.xml|build\.gradle(?:\.kts)?|Gemfile|composer\.json|mix\.exs|Package\.swift|CMakeLists\.txt|[^/]+\.csproj)$/
const TEST =
  /(?:^|\/)(?:tests?|__tests__|e2e)\/|^spec\/|[._-](?:test|spec)\.[A-Za-z]+$|(?:^|\/)test_[^/]+\.py$|_test\.(?:go|py)$|Tests?\.(?:java|kt|cs)$/
const ENTRY = /^(?:main|index|app|server|cli|manage|wsgi|asgi|__main__|lib|program|application|bootstrap)\.[A-Za-z]+$/i

export const isManifest = (path: string): boolean => MANIFEST.test(baseOf(path))
export const isReadme = (path: string): boolean => /^readme(?:\.[a-z]+)?$/i.test(baseOf(path))
/** Code of a programming language, as opposed to configuration and prose. */
export function isCode(path: string): boolean {
  const language = languageOfExtension(extensionOf(path))
  return language !== undefined && isMainLanguage(language) && !/\.d\.ts$|\.config\.[a-z]+$|\.min\.js$/.test(path)
}
export const isTest = (path: string): boolean =>
  isCode(path) && TEST.test(path) && !/(?:fixtures?|testdata|snapshots?)\//.test(path)
export const isSource = (path: string): boolean => isCode(path) && !TEST.test(path)
export const isEntry = (path: string): boolean => isSource(path) && ENTRY.test(baseOf(path))

/** Names of files that start a program, the surest first. */
const STARTERS = ['main', '__main__', 'server', 'cli', 'app', 'application', 'program', 'wsgi', 'asgi', 'manage']

/** The likeliest place where execution starts comes first. */
export function byStart(a: string, b: string): number {
  const rank = (path: string) => {
    const at = STARTERS.indexOf(baseOf(path).replace(/\..*$/, '').toLowerCase())
    return at === -1 ? STARTERS.length : at
  }
  return depthOf(a) - depthOf(b) || rank(a) - rank(b) || (a < b ? -1 : a > b ? 1 : 0)
}

/** Shallow before deep, then by name: what stands at the top of a tree tells most. */
export const byDepth = (a: string, b: string): number => depthOf(a) - depthOf(b) || (a < b ? -1 : a > b ? 1 : 0)

/** The values from most to least frequent; equal ones in the order of their first appearance. */
export function byFrequency(values: readonly string[]): string[] {
  const counts = new Map<string, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return [...counts].sort((a, b) => b[1] - a[1]).map(([value]) => value)
}
