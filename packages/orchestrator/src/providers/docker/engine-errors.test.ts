import { SpecfleetError } from '@specfleet/shared'
import { expect, test } from 'vitest'
import { engineError } from './engine-errors.ts'

const answered = (statusCode: number, message: string, cause?: string) =>
  Object.assign(new Error(`(HTTP code ${statusCode}) - ${message}`), { statusCode, json: { message, cause } })
const system = (code: string) => Object.assign(new Error(`connect ${code} /var/run/docker.sock`), { code })

test.each([
  ['an engine that is not there', system('ENOENT'), 'provider.engine-gone', true],
  ['an engine that does not listen', system('ECONNREFUSED'), 'provider.engine-gone', true],
  ['a socket that may not be used', system('EACCES'), 'provider.unavailable', false],
  ['an engine that cannot be reached', system('EHOSTUNREACH'), 'provider.engine-gone', true],
  ['an engine with a certificate of somebody else', system('SELF_SIGNED_CERT_IN_CHAIN'), 'provider.unavailable', false],
  [
    'an engine that wants a certificate',
    system('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'),
    'provider.unavailable',
    false,
  ],
  ['an image that is gone', answered(404, 'No such image: specfleet-worker:1'), 'provider.image', false],
  ['a disk that is full', answered(500, 'mkdir /data: no space left on device'), 'provider.no-space', true],
  [
    'a name that is taken',
    answered(409, 'Conflict. The container name "/x" is already in use'),
    'provider.conflict',
    false,
  ],
  [
    'a name that is taken, on Podman',
    answered(500, 'the container name "x" is already in use', 'that name is already in use'),
    'provider.conflict',
    false,
  ],
  [
    'a container in another state, on Podman',
    answered(500, 'can only kill running containers', 'container state improper'),
    'provider.failed',
    true,
  ],
  ['an option that it does not know', answered(400, 'unknown runtime specified runsc'), 'provider.refused', false],
  ['a fault of its own', answered(500, 'OCI runtime create failed'), 'provider.failed', true],
])('%s is told by name, and tried again only where that can help', (_, error, code, retryable) => {
  const told = engineError(error, 'make sandbox-1')
  expect(told).toMatchObject({ code, retryable })
  expect(told.next).not.toBe('')
})

test('the words are those of the engine, and an error of ours stays what it is', () => {
  expect(engineError(answered(500, 'OCI runtime create failed'), 'make it').message).toMatch(
    /cannot make it: OCI runtime create failed$/,
  )
  const ours = new SpecfleetError('provider.image')
  expect(engineError(ours, 'make it')).toBe(ours)
})
