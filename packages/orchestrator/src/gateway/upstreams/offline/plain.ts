import type { Conversation } from './conversation.ts'
import { treeProbe } from './explore/probe.ts'
import { readTree } from './explore/survey.ts'
import type { Reply } from './reply.ts'
import { collectStatements } from './requirements/collect.ts'
import { readOutline } from './text/outline.ts'
import { clip } from './text/words.ts'

const MOST_LISTED = 20

/** A prompt without a spec to plan: what can be said of it without a model, after a look at the source. */
export function plainReply(conversation: Conversation): Reply {
  const tree = readTree(conversation)
  if (tree === undefined && conversation.tools.has('bash'))
    return { text: 'I survey the source tree.', calls: [treeProbe()] }
  const found = collectStatements(readOutline(conversation.spec?.text ?? conversation.prompt))
  const demands = found.slice(0, MOST_LISTED).map(({ statement }) => `- ${clip(statement.source, 200)}`)
  const source =
    tree === undefined || tree === 'failed'
      ? 'The source could not be looked at.'
      : `The source has ${tree.total} files, most of them ${
          tree.extensions
            .slice(0, 3)
            .map(({ count, extension }) => `.${extension} (${count})`)
            .join(', ') || 'without an extension'
        }.`
  return {
    text: [
      'This answer comes from the offline planner, not from a model: it plans specs and cannot work on a free prompt.',
      source,
      demands.length === 0
        ? 'The prompt holds no statement of what should be done.'
        : `The prompt asks for ${found.length} ${found.length === 1 ? 'thing' : 'things'}:\n${demands.join('\n')}`,
    ].join('\n\n'),
    calls: [],
  }
}
