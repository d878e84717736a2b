import { type ExploreOutput, normalisePhase, type PhaseOutputs } from '@specfleet/shared'
import {
  type Answered,
  type Conversation,
  HANDED_IN,
  type HandedIn,
  handIns,
  readConversation,
  type Spec,
  toolOf,
  wasAccepted,
} from './conversation.ts'
import { deriveDesign, searchWords } from './design/design.ts'
import { look } from './explore/look.ts'
import { isCode } from './explore/paths.ts'
import { EXISTING, existingProbe, treeProbe } from './explore/probe.ts'
import { exploreReport } from './explore/report.ts'
import { callTitled, readExisting, readTree, treePaths } from './explore/survey.ts'
import { DEFAULT_EXTENSION, extensionNamedIn, type Layout, layoutOf } from './layout.ts'
import { mend } from './mend.ts'
import { plainReply } from './plain.ts'
import type { Reply } from './reply.ts'
import { deriveRequirements } from './requirements/requirements.ts'
import { projectOf, touchedPaths } from './tasks/project.ts'
import { deriveTasks } from './tasks/tasks.ts'
import type { MessagesRequest } from './wire/request.ts'

/** Hand-ins of one phase after which a rejection is final. */
const MOST_HAND_INS = 3

/** The next turn of a conversation. Pure: it follows from the request and from nothing else. */
export function planReply(request: MessagesRequest): Reply {
  const conversation = readConversation(request)
  const offered = HANDED_IN.filter((phase) => conversation.tools.has(toolOf(phase)))
  if (offered.length === 0 || conversation.spec === undefined) return plainReply(conversation)
  const due = offered.find((phase) => !handIns(conversation, phase).some(wasAccepted))
  if (due === undefined) return said(`Every phase is handed in and accepted: ${offered.join(', ')}.`)
  const tries = handIns(conversation, due)
  if (tries.length >= MOST_HAND_INS)
    return said(`The ${due} phase was rejected ${tries.length} times. ${reasonOf(tries.at(-1))}`)
  return STEPS[due](conversation, conversation.spec)
}

const STEPS: Readonly<Record<HandedIn, (conversation: Conversation, spec: Spec) => Reply>> = {
  explore: exploreStep,
  requirements: (conversation, spec) =>
    handIn(conversation, 'requirements', deriveRequirements(spec, output(conversation, 'explore'))),
  design: designStep,
  tasks: tasksStep,
}

function exploreStep(conversation: Conversation, spec: Spec): Reply {
  const next = look(conversation, spec)
  return 'look' in next ? next.look : handIn(conversation, 'explore', exploreReport(spec, next.sight))
}

function designStep(conversation: Conversation, spec: Spec): Reply {
  const explore = output(conversation, 'explore')
  const requirements = requirementsOf(conversation, spec)
  const searching = lookFirst(conversation, explore, searchWords(spec, requirements), [])
  if (searching !== undefined) return searching
  const explored = exploredFiles(conversation, explore)
  const known = [...explored, ...readExisting(conversation).namesakes.filter(isCode)]
  return handIn(
    conversation,
    'design',
    deriveDesign({ spec, requirements, explore, layout: layoutFor(spec, explored), known }),
  )
}

function tasksStep(conversation: Conversation, spec: Spec): Reply {
  const explore = output(conversation, 'explore')
  const requirements = requirementsOf(conversation, spec)
  const known = exploredFiles(conversation, explore)
  const layout = layoutFor(spec, known)
  const design =
    output(conversation, 'design') ?? wellFormed('design', deriveDesign({ spec, requirements, explore, layout, known }))
  const project = projectOf(design, explore, layout)
  const searching = lookFirst(conversation, explore, [], touchedPaths(design, project))
  if (searching !== undefined) return searching
  const { existing } = readExisting(conversation)
  return handIn(conversation, 'tasks', deriveTasks(requirements, design, { ...project, existing }))
}

/** One look at what exists, unless this very look was taken or there is no shell. */
function lookFirst(
  conversation: Conversation,
  explore: ExploreOutput | undefined,
  words: readonly string[],
  paths: readonly string[],
): Reply | undefined {
  if (!conversation.tools.has('bash')) return undefined
  const probe = existingProbe(paths, words)
  const asked = callTitled(conversation, EXISTING)?.input.command === probe.input.command
  const unseen = explore === undefined && readTree(conversation) === undefined
  const calls = [...(unseen ? [treeProbe()] : []), ...(asked ? [] : [probe])]
  return calls.length === 0
    ? undefined
    : { text: 'I look which files exist already, so that the plan builds on them.', calls }
}

/** Files that exploring brought up: in this conversation, or in one before. */
function exploredFiles(conversation: Conversation, explore: ExploreOutput | undefined): string[] {
  const named = [
    ...(explore?.keyFiles.map(({ path }) => path) ?? []),
    ...(explore?.relatedToFeature.map(({ file }) => file) ?? []),
    ...(explore?.entryPoints ?? []),
    ...treePaths(conversation),
  ]
  return [...new Set(named)].filter(isCode)
}

const layoutFor = (spec: Spec, known: readonly string[]): Layout =>
  layoutOf(known, extensionNamedIn(spec.text) ?? DEFAULT_EXTENSION)

/** As they were given or accepted, else derived again: the same spec gives the same. */
function requirementsOf(conversation: Conversation, spec: Spec): PhaseOutputs['requirements'] {
  return (
    output(conversation, 'requirements') ??
    wellFormed('requirements', deriveRequirements(spec, output(conversation, 'explore')))
  )
}

/** The output of an earlier phase: accepted in this conversation, or given with its first message. */
function output<P extends HandedIn>(conversation: Conversation, phase: P): PhaseOutputs[P] | undefined {
  const accepted = handIns(conversation, phase).findLast(wasAccepted)?.input
  return normalised(phase, accepted ?? conversation.given[phase])
}

function wellFormed<P extends HandedIn>(phase: P, derived: unknown): PhaseOutputs[P] {
  const read = normalised(phase, derived)
  if (read === undefined) throw new RangeError(`what is derived for ${phase} must be well-formed`)
  return read
}

function normalised<P extends HandedIn>(phase: P, value: unknown): PhaseOutputs[P] | undefined {
  const read = value === undefined ? undefined : normalisePhase(phase, value)
  return read?.ok === true ? read.output : undefined
}

function handIn(conversation: Conversation, phase: HandedIn, derived: Readonly<Record<string, unknown>>): Reply {
  const rejected = handIns(conversation, phase)
  const input = mend(
    phase,
    derived,
    rejected.map(({ result }) => result),
  )
  const text =
    rejected.length === 0 ? `I hand in ${phase}.` : `I hand in ${phase} again, with what the feedback lets me mend.`
  return { text, calls: [{ name: toolOf(phase), input }] }
}

const reasonOf = (last: Answered | undefined): string =>
  last?.result.replace(/^rejected[:.\s]*/i, '').split('\n\n')[0] ?? ''
const said = (text: string): Reply => ({ text, calls: [] })
