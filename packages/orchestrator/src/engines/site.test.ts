import { RunId } from '@specfleet/shared'
import { expect, test } from 'vitest'
import { FakeClock } from '../../../testkit/src/fake-clock.ts'
import { openLog } from '../log.ts'
import type { SandboxProvider } from '../providers/provider.ts'
import { Site } from './site.ts'

const run = (name: string) => RunId.parse(name)

/** An engine of nothing, that can be away, and what is logged of it. */
function scene() {
  const clock = new FakeClock()
  const told: string[] = []
  const state = { away: false }
  const log = openLog({
    level: 'info',
    now: () => clock.now(),
    write: (line) => void told.push(JSON.parse(line).event),
  })
  const never = () => Promise.reject(new Error('not in this test'))
  const provider: SandboxProvider = {
    name: 'scripted',
    engine: 'scripted:here',
    isolation: 'none',
    images: false,
    create: never,
    inspect: async () => undefined,
    list: async () => {
      if (state.away) throw new Error('the engine is away')
      return []
    },
    stop: never,
    destroy: never,
    watch: () => ({ [Symbol.asyncDispose]: async () => undefined }),
  }
  const site = new Site(
    { provider, clock, log },
    { slots: 4, breaker: { firstMs: 100, longestMs: 1_000, quotaMs: 1_000 } },
  )
  return { clock, site, state, told }
}

/** Resolves at the next change behind which that holds. */
const until = (site: Site, holds: () => boolean): Promise<void> =>
  new Promise((resolve) => {
    const listening = site.changes.on(() => {
      if (!holds()) return
      listening[Symbol.dispose]()
      resolve()
    })
  })

test('an engine that failed wakes whoever waits when one run may try, and is told sick and well once', async () => {
  const { clock, site, told } = scene()
  await using _site = site
  await site.start()
  site.begin(run('a'))?.failed('provider.no-space', 'it is full')
  expect(site.admission).toBe('none')
  expect(site.begin(run('b'))).toBeUndefined()
  expect(site.sick).toBe('provider.no-space: it is full')
  const rested = until(site, () => site.admission === 'one')
  clock.advance(1_000)
  await rested
  const trial = site.begin(run('b'))
  expect(site.begin(run('c'))).toBeUndefined()
  trial?.worked()
  expect([site.admission, site.sick]).toEqual(['all', undefined])
  expect(told).toEqual(['engine.sick', 'engine.well'])
})

test('a trial that came to nothing leaves the next to another run', async () => {
  const { clock, site } = scene()
  await using _site = site
  await site.start()
  site.begin(run('a'))?.failed('provider.unavailable', 'no')
  clock.advance(100)
  site.begin(run('b'))?.[Symbol.dispose]()
  expect(site.admission).toBe('one')
  site.begin(run('c'))?.failed('task.image', 'its own')
  expect(site.admission).toBe('one')
})

test('an engine that cannot be listed is given nothing, and is tried at once when it answers', async () => {
  const { clock, site, state } = scene()
  await using _site = site
  await site.start()
  state.away = true
  const gone = until(site, () => site.sick?.includes('cannot be listed') === true)
  site.begin(run('a'))?.failed('provider.engine-gone', 'no answer')
  await gone
  clock.advance(1_000)
  expect(site.admission).toBe('none')
  state.away = false
  const back = until(site, () => site.admission === 'one')
  clock.advance(2_000)
  await back
})

test('an engine that comes and goes without a failure is told each time', async () => {
  const { site, state, told, clock } = scene()
  await using _site = site
  await site.start()
  const comeAndGo = async (away: boolean) => {
    state.away = away
    const seen = until(site, () => (site.sick !== undefined) === away)
    site.sandboxes.refresh()
    await seen
  }
  for (const away of [true, false, true, false]) await comeAndGo(away)
  clock.advance(10_000)
  expect(told.filter((event) => event !== 'engine.not-listed')).toEqual([
    'engine.sick',
    'engine.well',
    'engine.sick',
    'engine.well',
  ])
})

test('what was begun before an engine fell sick says nothing in the place of its trial', async () => {
  const { clock, site } = scene()
  await using _site = site
  await site.start()
  const [first, second, third] = ['a', 'b', 'c'].map((name) => site.begin(run(name)))
  first?.failed('provider.unavailable', 'no')
  clock.advance(100)
  const trial = site.begin(run('d'))
  second?.failed('provider.unavailable', 'no')
  third?.worked()
  expect(site.admission).toBe('none')
  trial?.worked()
  expect(site.admission).toBe('all')
})
