import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { LIMIT_MS } from './course/limits.ts'
import { readDeployment, TAKEN, trialLimitMs } from './env.ts'
import { readOptions } from './options.ts'

const read = (...argv: string[]) => readOptions(argv, () => 0.5)

test('without anything said it draws a sample with a seed of its own', () => {
  expect(read()).toMatchObject({ runs: 50, seed: 1_073_741_823, victims: undefined, at: undefined, keepGoing: false })
})

test('what is said is meant', () => {
  expect(read('--runs', '200', '--seed', '3', '--victim', 'nats', '--victim', 'worker', '--jobs', '1')).toMatchObject({
    runs: 200,
    seed: 3,
    victims: ['nats', 'worker'],
    jobs: 1,
  })
  expect(read('--full', '--runs', '3').runs).toBe('full')
  expect(read('--point', 'worker/turn after').at).toEqual({
    kind: 'point',
    point: { name: 'worker/turn', nth: 1, side: 'after' },
  })
  expect(read('--after', '1500', '--freeze', '6')).toMatchObject({
    at: { kind: 'time', afterMs: 1_500 },
    freezeMs: 6_000,
  })
})

test('a blow before is said as it is told', () => {
  const first = 'worker at worker/turn#2 after, in every epoch'
  expect(read('--point', 'supervisor/fact/run.parked before', '--first', first)).toMatchObject({
    first: { victim: 'worker', strikes: 'every-epoch', at: { point: { name: 'worker/turn', nth: 2 } } },
  })
  expect(read('--full', '--double')).toMatchObject({ runs: 'full', double: true, first: undefined })
})

test.each([
  [['--runs', '0'], /--runs/],
  [['--seed', '-1'], /--seed/],
  [['--victim', 'nobody'], /there is no victim "nobody"/],
  [['--point', 'worker/turn'], /is no point/],
  [['--first', 'worker at worker/turn after'], /--first needs a --point/],
  [['--point', 'worker/turn after', '--after', '3'], /two moments/],
])('%j is refused', (argv, why) => {
  expect(() => read(...argv)).toThrow(expect.objectContaining({ code: 'usage', message: expect.stringMatching(why) }))
})

test('of a deployment only what decides its behaviour is taken, never an address or a key', () => {
  const secret = { NATS_URL: 'nats://live', NATS_CREDS: '/keys', ANTHROPIC_API_KEY: 'key', SPECFLEET_HOME: '/live' }
  const engine = { DOCKER_HOST: 'unix:///live.sock', SPECFLEET_IMAGE: 'live', DOCKER_CONTEXT: 'live' }
  const env = readDeployment(undefined, {
    ...secret,
    ...engine,
    HEARTBEAT_LIMIT_MS: '9000',
    BACKOFF_FIRST_MS: '',
    PATH: '/bin',
  })
  expect(env).toEqual({ HEARTBEAT_LIMIT_MS: '9000' })
  expect(TAKEN.filter((name) => /NATS|KEY|URL|HOME|CREDS|DOCKER|IMAGE/.test(name))).toEqual([])
})

test('a file stands instead of the environment', async () => {
  const file = join(tmpdir(), `chaos-options-${process.pid}.env`)
  await writeFile(file, '# ours\nATTEMPT_LIMIT=4\nNATS_URL="nats://live"\n')
  expect(readDeployment(file, { ATTEMPT_LIMIT: '9' })).toEqual({ ATTEMPT_LIMIT: '4' })
  expect(() => readDeployment(`${file}.none`, {})).toThrow(expect.objectContaining({ code: 'config.invalid' }))
})

test('patient deployments get longer trials', () => {
  expect(trialLimitMs({})).toBe(LIMIT_MS)
  expect(trialLimitMs({ ATTEMPT_LIMIT: '5', HEARTBEAT_LIMIT_MS: '10000', BACKOFF_LONGEST_MS: '60000' })).toBe(
    LIMIT_MS + 5 * 70_000,
  )
  expect(trialLimitMs({ HEARTBEAT_LIMIT_MS: 'soon' })).toBe(LIMIT_MS)
})
