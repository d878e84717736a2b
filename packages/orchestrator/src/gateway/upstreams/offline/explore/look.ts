import type { Conversation, Spec } from '../conversation.ts'
import type { Reply, ToolCall } from '../reply.ts'
import { readOutline } from '../text/outline.ts'
import { singular, tellingWords } from '../text/words.ts'
import { byDepth, byFrequency, isEntry, isManifest, isReadme, isSource, isTest } from './paths.ts'
import { contentOfReads, globTree, grepTerms, readBeginning, treeOfGlob } from './plain-tools.ts'
import { contentProbe, declarationsProbe, treeProbe } from './probe.ts'
import { type Content, type Declarations, readContent, readDeclarations, readTree, type Tree } from './survey.ts'

/** What was seen of the source. */
export type Sight = {
  tree: Tree
  content: Content
  declarations: Declarations
  /** The beginning of the file that is nearest to the feature. */
  sample: string
  /** Why the tree could not be surveyed, in a few words; '' where it was. */
  failure: string
}

const MOST_MANIFESTS = 5
const MOST_TERMS = 14
const NOTHING: Sight = {
  tree: { total: 0, extensions: [], folders: [], paths: [] },
  content: { files: new Map(), related: [] },
  declarations: { declared: [], testStyles: [] },
  sample: '',
  failure: '',
}

/** The next look at the source, or all that was seen once there is nothing more to look for. */
export function look(conversation: Conversation, spec: Spec): { look: Reply } | { sight: Sight } {
  const { tools } = conversation
  if (tools.has('bash')) return lookByShell(conversation, spec)
  if (tools.has('glob')) return lookByTools(conversation, spec)
  return { sight: glimpse(conversation, 'no tool to look with was offered') }
}

function lookByShell(conversation: Conversation, spec: Spec): { look: Reply } | { sight: Sight } {
  const tree = readTree(conversation)
  if (tree === undefined) return reply('I survey the source tree first.', [treeProbe()])
  if (tree === 'failed') return { sight: glimpse(conversation, 'the survey failed') }
  if (tree.total === 0) return { sight: NOTHING }
  const content = readContent(conversation)
  if (content === undefined) {
    const terms = termsOf(spec)
    const about = terms.length === 0 ? '' : ` and look where it speaks of ${terms.slice(0, 5).join(', ')}`
    return reply(`${tree.total} files. I read what describes the project${about}.`, [
      contentProbe(describing(tree), terms),
    ])
  }
  const declarations = readDeclarations(conversation)
  const [nearest] = closest(tree, content)
  if (declarations === undefined) {
    const calls = [declarationsProbe(closest(tree, content), tree.paths.filter(isTest).slice(0, 8))]
    if (nearest !== undefined && conversation.tools.has('read')) calls.push(readBeginning(nearest))
    return reply('I read what is declared near the feature, and how tests are written.', calls)
  }
  const read = conversation.calls.findLast(({ name, input }) => name === 'read' && input.file_path === nearest)
  const sample = read === undefined || read.isError ? '' : read.result
  return { sight: { tree, content, declarations, sample, failure: '' } }
}

function lookByTools(conversation: Conversation, spec: Spec): { look: Reply } | { sight: Sight } {
  const tree = treeOfGlob(conversation)
  if (tree === undefined) return reply('I list the source tree first.', [globTree()])
  const content = contentOfReads(conversation)
  const terms = termsOf(spec)
  const looked = conversation.calls.some(({ name }) => name === 'read' || name === 'grep')
  const calls = [
    ...(conversation.tools.has('read') ? describing(tree).map(readBeginning) : []),
    ...(conversation.tools.has('grep') && terms.length > 0 ? [grepTerms(terms)] : []),
  ]
  if (!looked && tree.total > 0 && calls.length > 0) return reply('I read what describes the project.', calls)
  return { sight: { ...NOTHING, tree, content } }
}

/** Without a survey there is still the top level that came with the first message. */
function glimpse({ workspace }: Conversation, failure: string): Sight {
  const entries = workspace.listing.split('\n').filter((entry) => entry !== '' && !entry.startsWith('…'))
  const paths = entries.filter((entry) => !entry.endsWith('/'))
  const folders = entries
    .filter((entry) => entry.endsWith('/'))
    .map((entry) => ({ path: entry.slice(0, -1), count: 0 }))
  return { ...NOTHING, tree: { total: entries.length, extensions: [], folders, paths }, failure }
}

const reply = (text: string, calls: ToolCall[]): { look: Reply } => ({ look: { text, calls } })

/** Manifests and the README, from the top of the tree down. */
const describing = ({ paths }: Tree): string[] => [
  ...paths.filter(isManifest).toSorted(byDepth).slice(0, MOST_MANIFESTS),
  ...paths.filter(isReadme).toSorted(byDepth).slice(0, 1),
]

/** The sources nearest to the feature, then the entry points, then whatever stands at the top. */
export function closest(tree: Tree, content: Content): string[] {
  const related = content.related.map(({ path }) => path).filter(isSource)
  const sources = tree.paths.filter(isSource).toSorted(byDepth)
  return [...new Set([...related.slice(0, 12), ...sources.filter(isEntry).slice(0, 4), ...sources])].slice(0, 20)
}

const COMMON = new Set(
  `must shall should system service user users feature when then that with from this have each able return returns
  requirement requirements acceptance criteria scope background overview data file files code test tests value given
  will they them than only never always also more after before without error message response request already their
  summary context goal goals problem assumptions question questions open exactly used uses using answer answers taken
  characters character performance security reliability status create creates created creating existing least most
  need needs once other same such very what which while within every`.split(/\s+/),
)

/** The words that the spec is about in their singular, so that they are found inside of names too; its headings first. */
function termsOf(spec: Spec): string[] {
  const outline = readOutline(spec.text)
  const headings = [outline.title || spec.title, ...outline.sections.map(({ title }) => title)].join(' ')
  const words = [...tellingWords(headings), ...tellingWords(headings), ...tellingWords(spec.text)]
  const telling = words.filter((word) => word.length > 3 && /^[a-z][a-z0-9_]*$/.test(word) && !COMMON.has(word))
  return byFrequency(telling.map(singular)).slice(0, MOST_TERMS)
}
