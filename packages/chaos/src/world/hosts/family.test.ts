import { expect, test } from 'vitest'
import { VICTIMS } from '../victim.ts'
import { familyOf, victimsOf } from './family.ts'

test('what a deployment leaves to be found out never finds its engine', async () => {
  for (const env of [{}, { SPECFLEET_PROVIDER: 'auto' }, { SPECFLEET_PROVIDER: 'process' }]) {
    await using host = await familyOf(env).open('/nowhere')
    expect(host.env).toEqual({ SPECFLEET_PROVIDER: 'process' })
    expect(host.root).toBe('/nowhere/process')
  }
  expect(familyOf({ SPECFLEET_PROVIDER: 'docker' }).provider).toBe('docker')
})

test('a provider that no world can be brought up on is refused', () => {
  expect(() => familyOf({ SPECFLEET_PROVIDER: 'cloud' })).toThrow(expect.objectContaining({ code: 'config.invalid' }))
})

test('an engine can be killed only where there is one', () => {
  const [processes, containers] = [familyOf({}), familyOf({ SPECFLEET_PROVIDER: 'docker' })]
  expect(victimsOf(containers, undefined)).toEqual(VICTIMS)
  expect(victimsOf(processes, undefined)).toEqual(VICTIMS.filter((victim) => victim !== 'engine'))
  expect(victimsOf(processes, ['worker'])).toEqual(['worker'])
  expect(victimsOf(containers, ['engine'])).toEqual(['engine'])
  expect(() => victimsOf(processes, ['worker', 'engine'])).toThrow(expect.objectContaining({ code: 'usage' }))
})
