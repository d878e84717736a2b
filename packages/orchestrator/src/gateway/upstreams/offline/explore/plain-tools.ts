import type { Conversation } from '../conversation.ts'
import type { ToolCall } from '../reply.ts'
import { byFrequency, extensionOf, folderOf } from './paths.ts'
import type { Content, Tree } from './survey.ts'

/** The way to look where no shell is offered: fewer files are seen, nothing else differs. */

const EVERYTHING = '**/*'
const MOST_LINES = 120

export const globTree = (): ToolCall => ({ name: 'glob', input: { pattern: EVERYTHING } })

export const readBeginning = (path: string): ToolCall => ({
  name: 'read',
  input: { file_path: path, view_range: [1, MOST_LINES] },
})

export const grepTerms = (terms: readonly string[]): ToolCall => ({
  name: 'grep',
  input: { pattern: `(?i)\\b(${terms.join('|')})\\b` },
})

/** Paths relative to the workspace, whichever way a tool prints them. */
function relative(path: string, root: string): string {
  const bare = root !== '' && path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path
  return bare.replace(/^\.\//, '')
}

export function treeOfGlob({ calls, workspace }: Conversation): Tree | undefined {
  const call = calls.findLast(({ name, input }) => name === 'glob' && input.pattern === EVERYTHING)
  if (call === undefined) return undefined
  const lines = call.isError || call.result === 'no matches' ? [] : call.result.split('\n')
  const paths = lines.filter(Boolean).map((line) => relative(line, workspace.root))
  const counted = (values: string[]) =>
    byFrequency(values).map((value) => ({ value, count: values.filter((each) => each === value).length }))
  return {
    total: paths.length,
    extensions: counted(paths.map(extensionOf).filter(Boolean)).map(({ value, count }) => ({
      extension: value,
      count,
    })),
    folders: counted(paths.map(folderOf).filter(Boolean)).map(({ value, count }) => ({ path: value, count })),
    paths: paths.toSorted(),
  }
}

export function contentOfReads({ calls, workspace }: Conversation): Content {
  const files = calls
    .filter(({ name, isError }) => name === 'read' && !isError)
    .map(({ input, result }): [string, string] => [String(input.file_path), result])
  const hits = new Map<string, Set<string>>()
  for (const line of calls.findLast(({ name, isError }) => name === 'grep' && !isError)?.result.split('\n') ?? []) {
    const [, path, text] = /^(.+?):\d+:(.*)$/.exec(line) ?? []
    if (path === undefined || text === undefined) continue
    const words = hits.get(relative(path, workspace.root)) ?? new Set()
    for (const word of text.toLowerCase().match(/\w+/g) ?? []) words.add(word)
    hits.set(relative(path, workspace.root), words)
  }
  return { files: new Map(files), related: [...hits].map(([path]) => ({ path, terms: [] })) }
}
