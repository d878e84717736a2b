import type { Answered, Conversation } from '../conversation.ts'
import { CONTENT, DECLARATIONS, EXISTING, TREE } from './probe.ts'
import { partsOf } from './shell.ts'

/** What the tree looks like. `paths` are all of a small tree and the telling ones of a large one. */
export type Tree = {
  total: number
  extensions: { extension: string; count: number }[]
  folders: { path: string; count: number }[]
  paths: string[]
}

export type Content = {
  /** Beginnings of manifests and README, by path. */
  files: ReadonlyMap<string, string>
  /** Files that speak of what the spec speaks of, the closest first. */
  related: { path: string; terms: string[] }[]
}

export type Declarations = {
  declared: { kind: string; name: string; file: string }[]
  /** Names of test frameworks as the tests mention them, the most frequent first. */
  testStyles: string[]
}

export type Existing = { existing: ReadonlySet<string>; namesakes: string[] }

/** The last call of a command, by its title. */
export function callTitled({ calls }: Conversation, title: string): Answered | undefined {
  return calls.findLast(({ name, input }) => name === 'bash' && String(input.command).startsWith(`# ${title}\n`))
}

const partsTitled = (conversation: Conversation, title: string): Map<string, string[]> | undefined => {
  const call = callTitled(conversation, title)
  return call && partsOf(call.result)
}

/** `undefined` until the tree was looked at; `failed` where the answer is none. */
export function readTree(conversation: Conversation): Tree | 'failed' | undefined {
  const parts = partsTitled(conversation, TREE)
  if (parts === undefined) return undefined
  if (!parts.has('total')) return 'failed'
  const counted = (name: string) =>
    (parts.get(name) ?? []).flatMap((line) => {
      const [, count, value] = /^\s*(\d+)\s+(.+)$/.exec(line) ?? []
      return count === undefined || value === undefined ? [] : [{ count: Number(count), value }]
    })
  return {
    total: Number(parts.get('total')?.[0] ?? 0) || 0,
    extensions: counted('extensions').map(({ count, value }) => ({ extension: value, count })),
    folders: counted('folders').map(({ count, value }) => ({ path: value, count })),
    paths: [...new Set(parts.get('paths') ?? [])],
  }
}

export function readContent(conversation: Conversation): Content | undefined {
  const parts = partsTitled(conversation, CONTENT)
  if (parts === undefined) return undefined
  const files = [...parts].flatMap(([name, lines]): [string, string][] =>
    name.startsWith('file ') ? [[name.slice('file '.length), lines.join('\n')]] : [],
  )
  const related = (parts.get('related') ?? []).flatMap((line) => {
    const [, path, terms] = line.split('\t')
    return path === undefined ? [] : [{ path, terms: (terms ?? '').trim().split(/\s+/) }]
  })
  return { files: new Map(files), related }
}

const DECLARED =
  /^(.+?):\d+:\s*(?:(?:export|default|public|pub|abstract|final|data|async)\s+)*(class|interface|struct|enum|trait|record|type|function|func|fn|def|model|object)\s+(?:\([^)]*\)\s*)?([A-Za-z_]\w*)/

export function readDeclarations(conversation: Conversation): Declarations | undefined {
  const parts = partsTitled(conversation, DECLARATIONS)
  if (parts === undefined) return undefined
  const declared = (parts.get('declarations') ?? []).flatMap((line) => {
    const [, file, kind, name] = DECLARED.exec(line) ?? []
    return file === undefined || kind === undefined || name === undefined ? [] : [{ kind, name, file }]
  })
  const testStyles = (parts.get('test style') ?? []).map((line) => line.replace(/^\s*\d+\s+/, ''))
  return { declared, testStyles }
}

/** The paths of the tree as far as it was seen. */
export function treePaths(conversation: Conversation): readonly string[] {
  const tree = readTree(conversation)
  return tree === undefined || tree === 'failed' ? [] : tree.paths
}

/** What is known of existing files; nothing where nobody looked. */
export function readExisting(conversation: Conversation): Existing {
  const parts = partsTitled(conversation, EXISTING)
  return { existing: new Set(parts?.get('existing')), namesakes: parts?.get('namesakes') ?? [] }
}
