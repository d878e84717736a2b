import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createOperatorKit, SpecfleetError } from '@specfleet/shared'
import { afterAll, expect, test } from 'vitest'
import { readConfig } from './config.ts'

const folder = mkdtempSync(join(tmpdir(), 'specfleet-config-'))
afterAll(() => rmSync(folder, { recursive: true }))
const file = (name: string, content: string) => {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}
const kit = createOperatorKit(new Date())
const least = {
  NATS_URL: 'nats://127.0.0.1:4222',
  NATS_CREDS: file('creds', kit.orchestratorCreds),
  NATS_SYSTEM_CREDS: file('system', kit.systemCreds),
  NATS_OPERATOR_SEED_FILE: file('seed', `${kit.operatorSigningSeed}\n`),
}
const refusal = (env: Record<string, string | undefined>): SpecfleetError => {
  try {
    readConfig(env)
  } catch (error) {
    if (error instanceof SpecfleetError) return error
  }
  return expect.unreachable('it was accepted')
}

test('little needs to be said, and the rest is sensible', () => {
  const config = readConfig(least)
  expect(config.nats).toMatchObject({ operatorSigningSeed: kit.operatorSigningSeed, replicas: 1 })
  expect(config.upstream).toEqual({ kind: 'offline', why: 'no-key' })
  expect(config.backoff.attemptLimit).toBeGreaterThan(1)
  expect(config.warm).toEqual({ floor: 1, ceiling: 8 })
  expect(readConfig({ ...least, WARM_FLOOR: '0', WARM_CEILING: '0' }).warm).toEqual({ floor: 0, ceiling: 0 })
})

test('engines come in overflow order, each with its slots, and a policy says who gets what', () => {
  expect(readConfig(least).providers).toEqual(['auto'])
  const policy = file('policy', '{"kinds": {"prompt": {"provider": "process"}}}')
  const given = { SPECFLEET_PROVIDER: 'docker, process', SPECFLEET_PROVIDER_SLOTS: 'docker=8,process=4' }
  const config = readConfig({ ...least, ...given, SPECFLEET_POLICY: policy })
  expect(config.providers).toEqual(['docker', 'process'])
  expect([...config.providerSlots]).toEqual([
    ['docker', 8],
    ['process', 4],
  ])
  expect(config.policy.kinds.prompt?.provider).toBe('process')
})

test('an engine is spoken to over TLS when Docker itself would do so', () => {
  expect(readConfig(least).docker).toEqual({ host: 'unix:///var/run/docker.sock' })
  const given = { ...least, DOCKER_HOST: 'tcp://127.0.0.1:2376', DOCKER_CERT_PATH: '/certificates' }
  expect(readConfig(given).docker).toEqual({ host: 'tcp://127.0.0.1:2376' })
  const certificates = (env: object) => readConfig({ ...given, DOCKER_TLS_VERIFY: '1', ...env }).docker.certificates
  expect(certificates({})).toBe('/certificates')
  expect(certificates({ DOCKER_CERT_PATH: '' })).toBe(join(homedir(), '.docker'))
})

test('the account that sandboxes import from is that of the credentials, unless another is named', () => {
  expect(readConfig(least).nats.appAccountId).toBe(kit.appAccountId)
  const other = createOperatorKit(new Date()).appAccountId
  expect(readConfig({ ...least, NATS_APP_ACCOUNT: other }).nats.appAccountId).toBe(other)
  expect(refusal({ ...least, NATS_CREDS: undefined })).toMatchObject({ code: 'config.invalid', exitCode: 78 })
  expect(refusal({ ...least, NATS_CREDS: file('rubbish', 'no creds') }).message).toContain('NATS_CREDS')
})

test('fleets of two buses never take each other’s sandboxes for their own', () => {
  expect(readConfig(least).fleet).toBe(kit.appAccountId.slice(0, 16))
})

test.each([
  ['NATS_URL', 'http://127.0.0.1'],
  ['SPECFLEET_SLOTS', 'many'],
  ['HEARTBEAT_LIMIT_MS', '10'],
  ['ATTEMPT_LIMIT', '0'],
  ['MODEL_UPSTREAM', 'mock'],
  ['SPECFLEET_PROVIDER', 'hope'],
  ['SPECFLEET_PROVIDER', 'docker,'],
  ['SPECFLEET_PROVIDER', 'docker,process-unsafe'],
  ['SPECFLEET_PROVIDER_SLOTS', 'docker'],
  ['SPECFLEET_PROVIDER_SLOTS', 'docker=many'],
  ['SPECFLEET_PROVIDER_SLOTS', 'docker='],
  ['SPECFLEET_PROVIDER_SLOTS', 'auto=1'],
  ['SPECFLEET_PROVIDER_SLOTS', 'docker=1,docker=2'],
  ['SPECFLEET_POLICY', '/no/such/file'],
  ['SPECFLEET_POLICY', file('policy-no-json', '{')],
  ['SPECFLEET_POLICY', file('policy-wrong', '{"kinds": {"prompt": {"limits": {"memory": 1}}}}')],
  ['BREAKER_FIRST_MS', '0'],
  ['SOURCE_MAX_MB', '-1'],
  ['ANTHROPIC_BASE_URL', 'file:///etc'],
  ['NATS_APP_ACCOUNT', 'me'],
  ['LOG_LEVEL', 'loud'],
  ['NATS_SYSTEM_CREDS', '/no/such/file'],
])('a bad %s fails the boot by name', (name, value) => {
  const error = refusal({ ...least, [name]: value })
  expect(error).toMatchObject({ code: 'config.invalid', exitCode: 78 })
  expect(error.message).toContain(name)
})

test('every bad variable is named at once', () => {
  const { message } = refusal({ ...least, SPECFLEET_SLOTS: 'x', ATTEMPT_LIMIT: 'y' })
  expect(message).toContain('SPECFLEET_SLOTS')
  expect(message).toContain('ATTEMPT_LIMIT')
})

test('without the signing key nothing starts, and the reason is given', () => {
  expect(refusal({ ...least, NATS_OPERATOR_SEED_FILE: undefined })).toMatchObject({
    code: 'bus.no-signing-key',
    exitCode: 78,
  })
})

test('the upstream is what was chosen, and never another', () => {
  const upstream = (env: Record<string, string>) => readConfig({ ...least, ...env }).upstream
  const key = file('key', 'sk-1\n')
  expect(upstream({ ANTHROPIC_API_KEY_FILE: key })).toEqual({
    kind: 'anthropic',
    baseUrl: 'https://api.anthropic.com',
    key: 'sk-1',
  })
  expect(upstream({ MODEL_UPSTREAM: 'offline', ANTHROPIC_API_KEY: 'sk-2' })).toEqual({ kind: 'offline', why: 'chosen' })
  expect(upstream({ ANTHROPIC_BASE_URL: 'http://localhost:8080/' })).toEqual({
    kind: 'anthropic',
    baseUrl: 'http://localhost:8080',
    key: undefined,
  })
  expect(refusal({ ...least, MODEL_UPSTREAM: 'anthropic' })).toMatchObject({ code: 'model.key-missing' })
})

test('an empty variable is one that is not set', () => {
  expect(readConfig({ ...least, ANTHROPIC_API_KEY: '', SPECFLEET_SLOTS: '' }).upstream.kind).toBe('offline')
})
