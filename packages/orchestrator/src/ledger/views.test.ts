import { fold, parseFact, type SpecState } from '@specfleet/shared'
import { expect, test } from 'vitest'
import { View } from './views.ts'

test('a view is read as it was stored, byte for byte, in whatever order its fields came to be', () => {
  const text = JSON.stringify({ kind: 'spec', version: 1, state: reversed(stateOfOneSpec()) })
  expect(JSON.stringify(View.parse(JSON.parse(text)))).toBe(text)
})

test('what is no state is no view', () => {
  const { specId: _specId, ...headless } = stateOfOneSpec()
  expect(View.safeParse({ kind: 'spec', version: 1, state: headless }).success).toBe(false)
})

const reversed = (state: SpecState): object => Object.fromEntries(Object.entries(state).toReversed())

function stateOfOneSpec(): SpecState {
  const parsed = parseFact({
    v: 1,
    id: 'a',
    type: 'spec.submitted',
    specId: 'shop',
    runId: '-',
    epoch: 0,
    seq: 1,
    at: '2026-11-20T12:00:00.000Z',
    by: 'api',
    data: {
      taskId: 'shop-1',
      kind: 'spec',
      projectId: 'default',
      title: 'Shop',
      text: '# Shop',
      executionMode: 'exploration',
      approval: 'auto',
      budget: {},
    },
  })
  if (parsed.kind !== 'fact') throw new Error(JSON.stringify(parsed))
  const state = fold(undefined, parsed.fact, 1)
  if (state === undefined) throw new Error('a submission begins a spec')
  return state
}
