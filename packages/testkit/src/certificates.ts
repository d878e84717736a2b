import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { executablesOnPath } from '../../cli/src/embedded/executable.ts'

const run = promisify(execFile)

/** An authority, and what it has signed, in a temporary folder. */
export type Certificates = AsyncDisposable & {
  /** PEM files of a server on 127.0.0.1. */
  readonly server: { readonly ca: string; readonly cert: string; readonly key: string }
  /** A folder with `ca.pem`, `cert.pem` and `key.pem` of somebody who may use it. */
  readonly client: string
}

/** Why no certificates can be made here; `undefined` when they can. */
export async function whyNoCertificates(): Promise<string | undefined> {
  const [openssl] = await executablesOnPath('openssl', process.env.PATH ?? '')
  return openssl === undefined ? 'install openssl: it makes the certificates of tests' : undefined
}

export async function makeCertificates(): Promise<Certificates> {
  const folder = await mkdtemp(join(tmpdir(), 'specfleet-certificates-'))
  const at = (name: string) => join(folder, name)
  const [ca, caKey] = [at('ca.pem'), at('ca-key.pem')]
  await certify(ca, caKey, ['-subj', '/CN=authority'])
  const sign = (cert: string, key: string, use: string) =>
    certify(cert, key, [
      ...['-subj', `/CN=${use}`, '-CA', ca, '-CAkey', caKey, '-addext', 'basicConstraints=CA:FALSE'],
      ...['-addext', 'subjectAltName=IP:127.0.0.1', '-addext', `extendedKeyUsage=${use}`],
    ])
  const server = { ca, cert: at('server.pem'), key: at('server-key.pem') }
  const client = at('client')
  await mkdir(client)
  await Promise.all([
    sign(server.cert, server.key, 'serverAuth'),
    sign(join(client, 'cert.pem'), join(client, 'key.pem'), 'clientAuth'),
    symlink(ca, join(client, 'ca.pem')),
  ])
  return { server, client, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) }
}

const certify = (cert: string, key: string, how: readonly string[]) =>
  run('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-out', cert, '-keyout', key, ...how],
  ])
