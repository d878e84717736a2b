import { PHASES, type Phase, type PromptSection, parseSections } from '@specfleet/shared'
import { blocksOf, isToolResult, isToolUse, type MessagesRequest, textOf } from './wire/request.ts'

export type Spec = { id: string; title: string; text: string }

/** A tool call with its result. */
export type Answered = {
  name: string
  input: Readonly<Record<string, unknown>>
  result: string
  isError: boolean
}

/** The phases that a model hands in; sync is computed. */
export const HANDED_IN = PHASES.filter((phase) => phase !== 'sync')
export type HandedIn = Exclude<Phase, 'sync'>
export const toolOf = (phase: HandedIn): string => `hand_in_${phase}`

/** What the planner reads out of a request: all it knows. */
export type Conversation = {
  /** `undefined` where the first message holds no spec. */
  spec: Spec | undefined
  /** Text of the first message outside of any spec: the prompt of a plain run. */
  prompt: string
  workspace: { root: string; listing: string }
  /** Outputs of earlier phases as they were given: JSON that may have been compressed. */
  given: Partial<Record<Phase, unknown>>
  /** Names of the tools on offer. */
  tools: ReadonlySet<string>
  /** Every call so far, in order. */
  calls: readonly Answered[]
}

export function readConversation(request: MessagesRequest): Conversation {
  const first = textOf(request.messages[0]?.content)
  const sections = parseSections(first)
  const spec = sections.find(({ name }) => name === 'spec')
  const workspace = sections.find(({ name }) => name === 'workspace')
  return {
    spec: spec && {
      id: spec.attributes.id ?? 'spec',
      title: spec.attributes.title ?? '',
      text: spec.body,
    },
    prompt: sections.find(({ name }) => name === 'assignment')?.body ?? first,
    workspace: { root: workspace?.attributes.root ?? '', listing: workspace?.body ?? '' },
    given: Object.fromEntries(sections.flatMap(givenOutput)),
    tools: offered(request),
    calls: answeredCalls(request),
  }
}

function givenOutput({ name, attributes, body }: PromptSection): [string, unknown][] {
  if (name !== 'phase-output' || attributes.phase === undefined) return []
  try {
    return [[attributes.phase, JSON.parse(body)]]
  } catch {
    // Compression may have cut the JSON; what cannot be read is derived again from the spec.
    return []
  }
}

function offered({ tools = [], tool_choice: choice }: MessagesRequest): Set<string> {
  if (choice?.type === 'none') return new Set()
  const names = tools.map(({ name }) => name)
  return new Set(choice?.type === 'tool' ? names.filter((name) => name === choice.name) : names)
}

/** What was asked for and not run, because the run was stopped there, was never asked: it is asked for again. */
function answeredCalls({ messages }: MessagesRequest): Answered[] {
  const blocks = messages.flatMap(blocksOf)
  const results = new Map(blocks.filter(isToolResult).map((result) => [result.tool_use_id, result]))
  return blocks
    .filter(isToolUse)
    .flatMap(({ id, name, input }) => {
      const result = results.get(id)
      return result === undefined
        ? []
        : [{ name, input, result: textOf(result.content), isError: result.is_error === true }]
    })
    .filter(({ isError, result }) => !isError || !NOT_RUN.test(result))
}

const NOT_RUN = /^not run:/

/** The hand-ins of a phase, first to last. */
export const handIns = ({ calls }: Conversation, phase: HandedIn): Answered[] =>
  calls.filter(({ name }) => name === toolOf(phase))

export const wasAccepted = ({ isError, result }: Answered): boolean => !isError && /^accepted\b/i.test(result)
