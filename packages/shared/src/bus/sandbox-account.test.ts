import { expect, test } from 'vitest'
import { WORKER_FACT_TYPES } from '../contract/facts/index.ts'
import { Epoch, RunId, SpecId } from '../contract/ids.ts'
import { revokedClaims, sandboxClaims } from './sandbox-account.ts'

const scope = { specId: SpecId.parse('shop'), runId: RunId.parse('R1'), epoch: Epoch.parse(2) }

test('an account imports one incarnation and may publish nothing else', () => {
  const { imports = [], default_permissions, limits, exports } = sandboxClaims(scope, 'APP', 'SIGN')
  const services = imports.filter((one) => one.type === 'service').map((one) => one.subject)
  const streams = imports.filter((one) => one.type === 'stream').map((one) => one.subject)
  expect(services).toEqual([
    ...WORKER_FACT_TYPES.map((type) => `sf.log.shop.R1.2.${type}`),
    'sf.trace.shop.R1.2.>',
    'sf.turn.shop.R1.2',
    'sf.beat.R1.2',
    'sf.desk.R1.2.taken',
    ...['resume', 'blob', 'model', 'memory'].flatMap((service) => [
      `sf.desk.R1.2.${service}`,
      `sf.desk.R1.2.${service}.*`,
    ]),
  ])
  expect(streams).toEqual(['sf.ctl.R1.2', 'sf.down.R1.2.>'])
  expect(imports.every((one) => one.account === 'APP' && one.local_subject === one.subject)).toBe(true)
  expect(default_permissions).toEqual({ pub: { allow: services }, sub: { allow: ['_INBOX.>', ...streams] } })
  expect(limits.imports).toBeGreaterThanOrEqual(imports.length)
  expect(exports).toBeUndefined()
})

test('ids that would widen a subject are refused', () => {
  const hostile = { specId: '>', runId: '*', epoch: 1.5 }
  for (const part of ['specId', 'runId', 'epoch'] as const) {
    expect(() => sandboxClaims({ ...scope, [part]: hostile[part] }, 'APP', 'SIGN')).toThrow()
  }
})

test('a revoked account has nothing left', () => {
  const claims = revokedClaims()
  expect(claims.imports).toBeUndefined()
  expect(claims.limits.conn).toBe(0)
  expect(claims.revocations).toEqual({ '*': Date.UTC(9999, 0) / 1000 })
  expect(claims.default_permissions?.pub.deny).toEqual(['>'])
})
