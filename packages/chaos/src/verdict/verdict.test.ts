import { NO_USAGE, RunRecord } from '@specfleet/shared'
import { expect, test } from 'vitest'
import { evidenceOf, KEPT, RUN, type Said, SPEC } from './evidence.fixture.ts'
import type { Evidence } from './evidence.ts'
import { comesOfReading } from './final-state.ts'
import { foldTo } from './replay.ts'
import { judge } from './verdict.ts'

const record = (more: object = {}): RunRecord =>
  RunRecord.parse({
    v: 1,
    runId: RUN,
    specId: SPEC,
    task: { kind: 'prompt', text: 'What is here?', taskId: RUN, specId: SPEC },
    source: null,
    claimedAt: '2026-11-20T12:00:00.000Z',
    changedAt: '2026-11-20T12:00:00.000Z',
    epoch: 2,
    causes: [{ kind: 'killed' }],
    failures: 1,
    state: 'settled',
    outcome: 'done',
    ...more,
  })
const world = (said: readonly Said[] = KEPT, more: Partial<Evidence> = {}): Evidence => ({
  ...evidenceOf(said),
  records: new Map([[RUN, record()]]),
  ...more,
})
const CALM = world()
const promises = (evidence: Evidence, blows = 1, zombie?: { lastLine: string }): string[] => [
  ...new Set(judge(evidence, CALM, { ...CRASH, blows, zombie }).map(({ promise }) => promise)),
]
const LETTER = { reason: 'task-unsupported', subject: 'sf.task.normal.validate', text: '{"kind":"validate"}' }
const CRASH = { blows: 1, zombie: undefined, toldToModel: false, attemptLimit: undefined, ended: [] }
const call = (fingerprint: string) => ({ specId: SPEC, fingerprint })
const before = (type: string, said: Said): Said[] =>
  KEPT.flatMap((each) => (each.type === type ? [said, each] : [each]))

test('a world that kept every promise is judged so', () => {
  expect(judge(world(), CALM, CRASH)).toEqual([])
})

test('what does not settle, or settles twice, or lies around, is told', () => {
  expect(promises(world(KEPT.slice(0, -1)))).toContain('settles once')
  expect(promises(world([...KEPT, ...KEPT.slice(-1)]))).toContain('settles once')
  expect(promises(world(KEPT, { records: new Map([[RUN, record({ outcome: 'failed' })]]) }))).toEqual(['settles once'])
  for (const left of [{ queued: 1 }, { dead: [LETTER] }, { refused: [LETTER] }, { turns: 1 }])
    expect(promises(world(KEPT, left))).toEqual(['settles once'])
  expect(
    promises(
      world(KEPT, {
        records: new Map([
          [RUN, record()],
          ['stranger', record()],
        ]),
      }),
    ),
  ).toEqual(['settles once'])
})

test('what was refused lies in the dead letters once, and whole', () => {
  const letters = (dead: Evidence['dead']) => promises(world(KEPT, { dead, refused: [LETTER] }))
  expect(letters([LETTER])).toEqual([])
  expect(letters([LETTER, LETTER])).toEqual(['settles once'])
  expect(letters([{ ...LETTER, text: LETTER.text.slice(0, -1) }])).toEqual(['settles once'])
})

test('another end than that of the undisturbed run is told, with what differs', () => {
  const other = KEPT.map((said) =>
    said.type === 'spec.submitted' ? { ...said, data: { ...said.data, text: 'Another' } } : said,
  )
  const [violation] = judge(world(other), CALM, CRASH)
  expect(violation?.promise).toBe('same final state')
  expect(violation?.evidence.join()).toContain('Another')
})

test('how much the model read may differ only where tools had something else to say', () => {
  const [[, state] = []] = [...world().states]
  const reading = (inputTokens: number, turns: number) => {
    const usage = { ...NO_USAGE, inputTokens, turns }
    return { ...world(), states: new Map(state === undefined ? [] : [[SPEC, { ...state, usage }]]) }
  }
  const against = (evidence: Evidence, toldToModel: boolean) =>
    judge(evidence, reading(8490, 9), { ...CRASH, toldToModel }).flatMap(({ promise, sentence }) =>
      promise === 'same final state' ? [sentence] : [],
    )
  expect(against(reading(8512, 9), false)).toHaveLength(1)
  expect(against(reading(8512, 9), true)).toEqual([])
  expect(against(reading(8490, 10), true)).toHaveLength(1)
})

test('what is found out by reading a source may differ there as well, and nothing that is planned', () => {
  const of = (path: string) => comesOfReading(`${path}: is "less", was to be "more"`)
  expect(of('results.explore.output.conventions.patterns.0')).toBe(true)
  expect(of('runs.0.usage.inputTokens')).toBe(true)
  for (const path of ['results.explore.score', 'results.requirements.output.0', 'usage.turns', 'requirements.0.text'])
    expect(of(path), path).toBe(false)
})

test('a view that is not the fold of its log is told, down to the order of its fields', () => {
  const { views, told } = world()
  const answer = told.get(SPEC) ?? { text: '{}', foldedTo: 0, askedAt: 0 }
  const text = JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(answer.text)).toReversed()))
  expect(promises(world(KEPT, { told: new Map([[SPEC, { ...answer, text }]]) }))).toEqual(['replay gives the view'])
  expect(promises(world(KEPT, { told: new Map() }))).toEqual(['replay gives the view'])
  const stale = { text: views.get(SPEC)?.text ?? '', foldedTo: 3 }
  expect(promises(world(KEPT, { views: new Map([[SPEC, stale]]) }))).toEqual(['replay gives the view'])
})

test('what the fleet tells may know more than was in the log when it was asked, and nothing less', () => {
  const { log } = world()
  const last = log.length
  const known = (upTo: number, askedAt: number) => {
    const text = JSON.stringify(foldTo(log, SPEC, upTo))
    return promises(world(KEPT, { told: new Map([[SPEC, { text, foldedTo: upTo, askedAt }]]) }))
  }
  expect(known(last, last - 1)).toEqual([])
  expect(known(last - 1, last - 1)).toEqual([])
  expect(known(last - 1, last)).toEqual(['replay gives the view'])
})

test('a turn may be paid again once a blow, and never without one', () => {
  const twice = world(KEPT, { calls: ['a', 'b', 'b', 'c'].map(call) })
  expect(promises(twice, 1)).toEqual([])
  expect(promises(twice, 0)).toEqual(['one turn a crash'])
  expect(promises(world(KEPT, { calls: ['b', 'b', 'b'].map(call) }), 1)).toEqual(['one turn a crash'])
})

test('deaths that are forgotten, or counted where there were none, are told', () => {
  expect(promises(world(KEPT, { records: new Map([[RUN, record({ causes: [] })]]) }))).toEqual(['carried over'])
  const again: Said = { type: 'run.fenced', epoch: 1, data: { owner: 'me', turnsUpTo: 0 } }
  expect(promises(world([...KEPT, again]))).toContain('carried over')
})

test('a worker that is heard behind its fence is told', () => {
  const late: Said = { type: 'phase.started', epoch: 1, by: 'worker', data: { phase: 'explore', attempt: 1, turn: 0 } }
  expect(promises(world(before('run.delivered', late)))).toContain('fenced')
})

test('a run that is parked with other causes than its own is told', () => {
  const parked = (causes: object[]): Said => ({ type: 'run.parked', epoch: 1, data: { causes, reason: 'enough' } })
  const behindItsDeath = (said: Said) => KEPT.flatMap((each) => (each.type === 'run.lost' ? [each, said] : [each]))
  expect(promises(world(behindItsDeath(parked([{ kind: 'killed' }]))))).not.toContain('parks and goes on')
  expect(promises(world(behindItsDeath(parked([{ kind: 'oom' }]))))).toContain('parks and goes on')
})

test('a run that is parked behind more or fewer attempts than it has is told', () => {
  const parked: Said = { type: 'run.parked', epoch: 1, data: { causes: [{ kind: 'killed' }], reason: 'enough' } }
  const evidence = world(KEPT.flatMap((each) => (each.type === 'run.lost' ? [each, parked] : [each])))
  const against = (attemptLimit: number | undefined) =>
    judge(evidence, CALM, { ...CRASH, attemptLimit }).filter(({ promise }) => promise === 'parks and goes on')
  expect([against(undefined), against(1)]).toEqual([[], []])
  expect(against(2)).toHaveLength(1)
})

test.each([
  [{ kind: 'provider-error', code: 'provider.engine-gone', retryable: true }, 1],
  [{ kind: 'owner-lost' }, 1],
  [{ kind: 'provider-error', code: 'provider.failed', retryable: true }, 2],
])('behind a loss by %o a parked run has had its attempts, by count %i', (cause, attemptLimit) => {
  const lost: Said = { type: 'run.lost', epoch: 1, data: { cause, logTail: [] } }
  const parked: Said = { type: 'run.parked', epoch: 1, data: { causes: [cause, { kind: 'killed' }], reason: 'enough' } }
  const said = KEPT.flatMap((each) => (each.type === 'run.lost' ? [lost, each, parked] : [each]))
  const told = judge(world(said), CALM, { ...CRASH, attemptLimit }).map(({ promise }) => promise)
  expect(told).not.toContain('parks and goes on')
})

test('an orchestrator that ended by itself and did not say why is told', () => {
  const ended = (lastLine: string) =>
    judge(world(), CALM, { ...CRASH, ended: [{ id: 'one', how: 69, lastLine }] }).map(({ promise }) => promise)
  expect(ended('{"level":"info"}')).toEqual(['zombies end'])
  expect(ended('specfleet-orchestrator: the bus cannot be reached; start it')).toEqual([])
})

test('a zombie that ends without a word is told', () => {
  expect(promises(world(), 1, { lastLine: '' })).toEqual(['zombies end'])
  expect(promises(world(), 1, { lastLine: 'specfleet-worker: the bus cannot be reached: refused' })).toEqual([])
})
