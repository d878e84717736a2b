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
  // Either case of the first letter, in the one way that every kind of regular expression knows.
  input: {
    pattern: terms.map((term) => `[${term.charAt(0).toUpperCase()}${term.charAt(0)}]${term.slice(1)}`).join('|'),
  },
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
  const found = calls.findLast(({ name, isError }) => name === 'grep' && !isError)?.result ?? ''
  const hits = found.split('\n').flatMap((line) => /^(.+?):\d+:/.exec(line)?.[1] ?? [])
  const related = byFrequency(hits.map((path) => relative(path, workspace.root)))
  return { files: new Map(files), related: related.map((path) => ({ path, terms: [] })) }
}
