import {
  computeSync,
  type EarlierOutputs,
  evaluate,
  normalisePhase,
  PASS_MARK,
  type PhaseEvaluation,
  parseEars,
  renderSections,
} from '@specfleet/shared'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HANDED_IN, type HandedIn, toolOf } from './conversation.ts'
import { planReply } from './planner.ts'
import type { Reply } from './reply.ts'
import { type Message, MessagesRequest } from './wire/request.ts'

/** What a tool answers: its text, and whether it is an error. */
type Answer = [text: string, isError: boolean]
/** Answers calls other than hand-ins. */
type Tools = (name: string, input: Readonly<Record<string, unknown>>) => Answer

/** A shell in an empty workspace: no command finds anything. */
const emptyWorkspace: Tools = () => [
  '@@ total\n0\n@@ extensions\n@@ folders\n@@ paths\n@@ existing\n@@ namesakes',
  false,
]

const MOST_TURNS = 20
const SPEC = { id: 'spec-1', title: 'Shop' }

/** Plays the worker: runs a conversation until the planner stops calling tools. */
function converse(opening: string, tools: readonly string[], answer: Tools): { messages: Message[]; last: Reply } {
  const messages: Message[] = [{ role: 'user', content: opening }]
  for (let turn = 0; turn < MOST_TURNS; turn++) {
    const last = planReply(
      MessagesRequest.parse({ model: 'm', max_tokens: 9, messages, tools: tools.map((name) => ({ name })) }),
    )
    if (last.calls.length === 0) return { messages, last }
    const calls = last.calls.map((call, index) => ({ type: 'tool_use' as const, id: `${turn}-${index}`, ...call }))
    const results = calls.map(({ id, name, input }) => {
      const [content, is_error] = answer(name, input)
      return { type: 'tool_result' as const, tool_use_id: id, content, is_error }
    })
    messages.push({ role: 'assistant', content: calls }, { role: 'user', content: results })
  }
  throw new Error(`the planner does not end within ${MOST_TURNS} turns`)
}

/** Judges hand-ins as the worker does, and keeps what was accepted. */
function judge(outputs: EarlierOutputs, evaluations: [HandedIn, PhaseEvaluation][], rest: Tools): Tools {
  return (name, input) => {
    const phase = HANDED_IN.find((each) => toolOf(each) === name)
    if (phase === undefined) return rest(name, input)
    const read = normalisePhase(phase, input)
    if (!read.ok) return [`rejected\n${JSON.stringify(read.faults)}`, true]
    const evaluation = evaluate(phase, read.output, outputs, { pathExists: () => false })
    evaluations.push([phase, evaluation])
    if (evaluation.passed) Object.assign(outputs, { [phase]: read.output })
    return evaluation.passed ? ['accepted', false] : [`rejected\n${evaluation.feedback}`, true]
  }
}

/** The prompt path: all phases in one conversation. */
function plan(text: string, rest: Tools = emptyWorkspace) {
  const outputs: EarlierOutputs = {}
  const evaluations: [HandedIn, PhaseEvaluation][] = []
  const opening = renderSections([{ name: 'spec', attributes: SPEC, body: text }])
  const tools = ['bash', ...HANDED_IN.map(toolOf)]
  const { messages, last } = converse(opening, tools, judge(outputs, evaluations, rest))
  return { outputs, evaluations, messages, last }
}

const thing = fc.constantFrom('invoice', 'ticket', 'photo', 'session', 'report', 'basket', 'alarm', 'route', 'price')
const bullet = fc.oneof(
  fc
    .tuple(fc.constantFrom('create', 'archive', 'share', 'rename'), thing)
    .map(([verb, what]) => `Users can ${verb} a ${what}`),
  fc
    .tuple(thing, fc.integer({ min: 1, max: 90 }))
    .map(([what, days]) => `Each ${what} must be kept for at least ${days} days`),
  fc.tuple(thing, thing).map(([a, b]) => `When a ${a} is deleted, the system must remove its ${b}`),
  fc
    .tuple(thing, fc.constantFrom(400, 404, 409))
    .map(([what, status]) => `If the ${what} is unknown, answer ${status}`),
  fc.tuple(thing, thing).map(([a, b]) => `The service should record which ${a} belongs to which ${b}`),
  fc.tuple(thing, thing).map(([a, b]) => `\`POST /${a}s\` must return the url of the new ${b}`),
  thing.map((what) => `Validate the name of every ${what}`),
)
const heading = fc.constantFrom('Accounts', 'Storage', 'API', 'Limits and quotas', 'Export', 'Search', 'Security')
const section = fc
  .tuple(heading, fc.array(bullet, { minLength: 1, maxLength: 8 }))
  .map(([title, bullets]) => [`## ${title}`, ...bullets.map((text) => `- ${text}`)].join('\n'))
const spec = fc
  .tuple(fc.boolean(), fc.array(section, { minLength: 1, maxLength: 5 }))
  .map(([titled, sections]) => [titled ? '# The shop' : '', ...sections].join('\n\n'))

describe('any spec made of statements', () => {
  test('gets a plan that passes every gate on the first try, and is ready', () => {
    fc.assert(
      fc.property(spec, (text) => {
        const { outputs, evaluations, last } = plan(text)
        expect(evaluations.map(([phase]) => phase)).toEqual([...HANDED_IN])
        for (const [, evaluation] of evaluations) expect(evaluation.score).toBeGreaterThanOrEqual(PASS_MARK)
        const { explore, requirements, design, tasks } = outputs
        if (requirements === undefined || design === undefined || tasks === undefined) throw new Error(last.text)
        const sync = computeSync({ specId: SPEC.id, explore, requirements, design, tasks })
        expect(sync).toMatchObject({ ready: true, blockers: [], dependencyAnalysis: { cycles: [], overlaps: [] } })
        expect(last.text).toMatch(/every phase is handed in/i)
      }),
      { numRuns: 60 },
    )
  })

  test('gets the same plan every time', () => {
    fc.assert(
      fc.property(spec, (text) => {
        expect(plan(text).messages).toEqual(plan(text).messages)
      }),
      { numRuns: 10 },
    )
  })

  test('gets a requirement for each of its statements', () => {
    fc.assert(
      fc.property(fc.uniqueArray(bullet, { minLength: 1, maxLength: 12 }), (bullets) => {
        const texts = plan(bullets.map((text) => `- ${text}`).join('\n')).outputs.requirements?.requirements ?? []
        expect(texts.map(({ notes }) => notes)).toEqual(bullets.map((text) => `Spec: "${text}"`))
        for (const { text } of texts) expect(parseEars(text)).toMatchObject({ ok: true })
      }),
      { numRuns: 30 },
    )
  })
})

test('what was not run because the run was stopped there is asked for again, and the plan is the same', () => {
  const text = '- Users can rate a film'
  let stopped = false
  const stoppedOnce: Tools = (name, input) => {
    if (stopped || name !== 'bash') return emptyWorkspace(name, input)
    stopped = true
    return ['not run: the run was stopped here; call it again if you still need it', true]
  }
  expect(plan(text, stoppedOnce).outputs).toEqual(plan(text).outputs)
  expect(stopped).toBe(true)
})

test('other specs give other plans', () => {
  const [a, b] = ['- Users can rate a film', '- Drones must land at dusk'].map((text) => plan(text).outputs)
  expect(JSON.stringify(a)).toMatch(/film/)
  expect(JSON.stringify(b)).toMatch(/dusk/)
  expect(JSON.stringify(b)).not.toMatch(/film/)
})

describe('a spec of any size', () => {
  /** Four characters a token, within the 32,000 tokens of one reply. */
  const ROOM = 120_000

  test.each([2, 60])(
    'is planned as far as one plan can hold, the rest is asked about (%i words a statement)',
    (length) => {
      const words = Array.from({ length }, (_, index) => `part${index}`).join(' and ')
      const bullets = Array.from(
        { length: 500 },
        (_, index) => `- When ${index} alarms ring, the service must store ${words}`,
      )
      const { outputs, messages } = plan(bullets.join('\n'))
      expect(outputs.tasks).toBeDefined()
      for (const message of messages.slice(1)) expect(JSON.stringify(message).length).toBeLessThan(ROOM)
      expect(outputs.requirements?.openQuestions.at(-1)).toMatch(/and \d+ more statements/)
    },
  )

  test.each(['must ', 'when a, ', '`a` ', 'A. ', '<a', '[a](', 'a has b, ', 'x', 'the the ', '| a '])(
    'and of any shape is planned in no time: 100 KB of %j',
    (piece) => {
      for (const shape of ['- ', '', '## Data\n- ', '# ', '## ']) {
        const started = performance.now()
        plan(`${shape}${piece.repeat(100_000 / piece.length)}`)
        expect(performance.now() - started).toBeLessThan(5_000)
      }
    },
  )
})

describe('what cannot be derived is not invented', () => {
  test.each(['hello', '# Title only', '## Out of scope\n- Everything must stay'])('%j fails its gate', (text) => {
    const { outputs, evaluations, last } = plan(text)
    const requirements = evaluations.filter(([phase]) => phase === 'requirements')
    expect(requirements).toHaveLength(3)
    expect(outputs.requirements).toBeUndefined()
    expect(last.text).toMatch(/requirements phase was rejected 3 times/)
    expect(last.text).toMatch(/there is no requirement/)
  })

  test('a vague statement becomes a question, the others a plan', () => {
    const { outputs, evaluations } = plan('- The app must work well\n- Guests can read the newest article')
    expect(evaluations.filter(([phase]) => phase === 'requirements').map(([, { passed }]) => passed)).toEqual([
      false,
      true,
    ])
    expect(outputs.requirements?.requirements).toHaveLength(1)
    expect(outputs.requirements?.openQuestions.join()).toMatch(/work well/)
    expect(outputs.tasks).toBeDefined()
  })
})

describe('the phase path', () => {
  const text = '- The service must store notes\n- If a note is unknown, answer 404'
  const opening = (given: EarlierOutputs, compressed = false) =>
    renderSections([
      { name: 'spec', attributes: SPEC, body: text },
      ...Object.entries(given).map(([phase, output]) => ({
        name: 'phase-output',
        attributes: { phase },
        body: compressed ? '{"cut":' : JSON.stringify(output),
      })),
      { name: 'phase', attributes: { name: 'any' }, body: 'Do the phase.' },
    ])

  test.each([false, true])('does each phase from the ones before, given whole (compressed: %s)', (compressed) => {
    const whole = plan(text).outputs
    const outputs: EarlierOutputs = {}
    for (const phase of HANDED_IN) {
      const evaluations: [HandedIn, PhaseEvaluation][] = []
      converse(opening(outputs, compressed), ['bash', toolOf(phase)], judge(outputs, evaluations, emptyWorkspace))
      expect(evaluations.map(([, { passed }]) => passed)).toEqual([true])
    }
    if (!compressed) expect(outputs).toEqual(whole)
  })

  test('leaves out a path that is said to be missing', () => {
    const outputs: EarlierOutputs = {}
    const listing = '@@ total\n2\n@@ paths\nsrc/gone.ts\nsrc/here.ts\n@@ related\n2\tsrc/gone.ts\tnotes'
    const seen: string[] = []
    const answer: Tools = (name, input) => {
      if (name === 'bash') return [listing, false]
      seen.push(JSON.stringify(input))
      return seen.length === 1
        ? ['rejected\nGate paths-exist failed:\n- src/gone.ts is not in the source', true]
        : ['accepted', false]
    }
    converse(opening(outputs), ['bash', 'hand_in_explore'], answer)
    expect(seen[0]).toContain('src/gone.ts')
    expect(seen[1]).not.toContain('src/gone.ts')
    expect(seen[1]).toContain('src/here.ts')
  })

  test('goes on when every tool fails', () => {
    const { outputs } = plan(text, () => ['bash: not found', true])
    expect(outputs.tasks).toBeDefined()
    expect(outputs.explore?.codebaseSummary).toMatch(/could not be looked at/)
  })

  test('says so when only the top level could be seen', () => {
    const seen: string[] = []
    const workspace = { name: 'workspace', attributes: { root: '/w' }, body: 'src/\npackage.json\nREADME.md' }
    converse(`${opening({})}\n${renderSections([workspace])}`, ['bash', 'hand_in_explore'], (name, input) => {
      if (name === 'bash') return ['bash: not found', true]
      seen.push(JSON.stringify(input))
      return ['accepted', false]
    })
    expect(seen).toHaveLength(1)
    expect(seen[0]).toMatch(/could not be surveyed/)
    expect(seen[0]).toMatch(/"path":"package.json"/)
    expect(seen[0]).not.toMatch(/greenfield/)
  })

  test('looks by glob, read and grep where there is no shell', () => {
    const used: string[] = []
    const outputs: EarlierOutputs = {}
    const files: Tools = (name) => {
      used.push(name)
      if (name === 'glob') return ['/w/package.json\n/w/src/note-store.ts', false]
      return name === 'grep' ? ['/w/src/note-store.ts:3:export class NoteStore {', false] : ['{"name":"notes"}', false]
    }
    const workspace = renderSections([{ name: 'workspace', attributes: { root: '/w' }, body: '' }])
    const tools = ['glob', 'grep', 'read', 'hand_in_explore']
    const exists: Tools = (name, input) => {
      if (name !== 'hand_in_explore') return files(name, input)
      const read = normalisePhase('explore', input)
      if (read.ok) outputs.explore = read.output
      return ['accepted', false]
    }
    converse(`${opening({})}\n${workspace}`, tools, exists)
    expect(used).toEqual(['glob', 'read', 'grep'])
    expect(outputs.explore?.keyFiles.map(({ path }) => path)).toEqual(['package.json', 'src/note-store.ts'])
    expect(outputs.explore?.relatedToFeature.map(({ file }) => file)).toEqual(['src/note-store.ts'])
  })
})

test('a plain prompt is answered by saying what this is, after a look', () => {
  const { last } = converse('Users can sign in.', ['bash'], emptyWorkspace)
  expect(last.text).toMatch(/offline planner, not from a model/)
  expect(last.text).toMatch(/Users can sign in/)
})
