import { RunId } from '@specfleet/shared'
import { expect, test } from 'vitest'
import { SpecLog } from '../../../shared/src/spec/spec-log.fixture.ts'
import { refusalsOf, renderRefusals } from './refusals.ts'
import { PLAIN } from './style.ts'

const LAYOUT = { style: PLAIN, width: 80 }

test('what sandboxes were refused is one block: by the ledger, by each refuser, by the fence', () => {
  const log = new SpecLog().submit().claim().fence()
  const runId = RunId.parse(log.run().runId)
  const refuse = (by: 'bus' | 'desk', count: number, lastReason: string) =>
    log.by('supervisor', 'run.refused', { by, count, lastReason }, { runId, epoch: 1 })
  expect(renderRefusals(refusalsOf(log.spec), LAYOUT)).toEqual([])
  refuse('desk', 1, 'this incarnation may not ask for that')
  refuse('bus', 1, 'Permissions Violation for Publish to "sf.api.list"')
  refuse('bus', 11, 'Permissions Violation for Publish to "$JS.API.STREAM.NAMES"')
  log.supervise('run.lost', { cause: { kind: 'flood' }, logTail: [] })
  log.by('worker', 'run.refused', { by: 'bus', count: 5, lastReason: 'forged' }, { runId, epoch: 1 })

  const rows = refusalsOf(log.spec)
  expect(rows).toEqual([
    { run: null, by: 'ledger', count: 1, lastReason: 'run.refused is not for workers to state' },
    { run: runId, by: 'bus', count: 12, lastReason: 'Permissions Violation for Publish to "$JS.API.STREAM.NAMES"' },
    { run: runId, by: 'desk', count: 1, lastReason: 'this incarnation may not ask for that' },
    { run: runId, by: 'fence', count: 1, lastReason: 'its sandbox stated more facts than it may' },
  ])
  const [, title, header, , ...lines] = renderRefusals(rows, LAYOUT)
  expect(title).toBe('Refused')
  const column = header?.indexOf('last reason') ?? 0
  for (const line of lines) expect(line.slice(0, column)).toMatch(/ {2}$/)
})
