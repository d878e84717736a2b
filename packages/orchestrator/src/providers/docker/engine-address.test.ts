import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { addressOf } from './engine-address.ts'

const certificates = mkdtempSync(join(tmpdir(), 'specfleet-certificates-'))
for (const name of ['ca', 'cert', 'key']) writeFileSync(join(certificates, `${name}.pem`), name)
afterAll(() => rmSync(certificates, { recursive: true }))

test('an engine of this host is reached by its socket, whatever certificates there are', async () => {
  const address = { kind: 'socket', path: '/run/podman/podman.sock' }
  expect(await addressOf({ host: 'unix:///run/podman/podman.sock' })).toEqual(address)
  expect(await addressOf({ host: 'unix:///run/podman/podman.sock', certificates })).toEqual(address)
})

test.each([
  ['tcp://127.0.0.1:9', '127.0.0.1', 9],
  ['tcp://engine.example', 'engine.example', 2376],
  ['tcp://[::1]:2377', '::1', 2377],
])('with certificates it is reached at %s', async (host, name, port) => {
  const [ca, cert, key] = ['ca', 'cert', 'key'].map((text) => Buffer.from(text))
  expect(await addressOf({ host, certificates })).toEqual({ kind: 'tls', host: name, port, ca, cert, key })
})

test.each([
  ['without TLS', { host: 'tcp://127.0.0.1:2375' }, 'without TLS'],
  ['by a shell', { host: 'ssh://root@engine.example', certificates }, 'neither'],
  ['at a relative path', { host: 'unix://docker.sock' }, 'neither'],
  ['nowhere', { host: 'tcp://', certificates }, 'neither'],
  ['in no way that there is', { host: 'rubbish', certificates }, 'neither'],
  ['with certificates that are not there', { host: 'tcp://127.0.0.1', certificates: '/nowhere' }, 'ca.pem'],
])('it is not spoken to %s', async (_, choice, message) => {
  await expect(addressOf(choice)).rejects.toMatchObject({
    code: 'provider.unavailable',
    message: expect.stringContaining(message),
    next: expect.stringContaining('DOCKER_CERT_PATH'),
  })
})
