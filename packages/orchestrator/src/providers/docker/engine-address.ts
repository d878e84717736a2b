/** Where an engine listens, and as whom it is spoken to. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SpecfleetError } from '@specfleet/shared'

export type EngineAddress =
  | { readonly kind: 'socket'; readonly path: string }
  | {
      readonly kind: 'tls'
      readonly host: string
      readonly port: number
      /** Whom the engine's certificate must be signed by, PEM. */
      readonly ca: Buffer
      readonly cert: Buffer
      readonly key: Buffer
    }

export type EngineChoice = {
  /** `unix:///path`, or `tcp://host:port` with certificates. */
  readonly host: string
  /** The folder with `ca.pem`, `cert.pem` and `key.pem`. */
  readonly certificates?: string
}

/** What engines listen on with TLS where nothing else is said. */
const TLS_PORT = 2376

/**
 * Without TLS only a socket of this host is spoken to: an engine obeys whoever reaches it, as root.
 * @throws SpecfleetError `provider.unavailable` with what to give instead
 */
export async function addressOf({ host, certificates }: EngineChoice): Promise<EngineAddress> {
  const path = /^unix:\/\/(\/.+)$/.exec(host)?.[1]
  if (path !== undefined) return { kind: 'socket', path }
  const url = URL.parse(host)
  if (url?.protocol !== 'tcp:' || url.hostname === '')
    throw refusal(`DOCKER_HOST ${host} is neither unix:///path nor tcp://host:port`)
  if (certificates === undefined) throw refusal(`DOCKER_HOST ${host} would be spoken to without TLS`)
  // One after the other: which one is named when all are missing is not left to chance.
  const ca = await readCertificate(certificates, 'ca.pem')
  const cert = await readCertificate(certificates, 'cert.pem')
  const key = await readCertificate(certificates, 'key.pem')
  const port = url.port === '' ? TLS_PORT : Number(url.port)
  return { kind: 'tls', host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port, ca, cert, key }
}

const refusal = (message: string): SpecfleetError =>
  new SpecfleetError('provider.unavailable', message, {
    next: 'give unix:///path, or tcp://host:port with DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH',
  })

async function readCertificate(folder: string, name: string): Promise<Buffer> {
  try {
    return await readFile(join(folder, name))
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new SpecfleetError('provider.unavailable', `a certificate for the engine cannot be read (${reason})`, {
      cause: error,
      next: 'let DOCKER_CERT_PATH be a folder with ca.pem, cert.pem and key.pem',
    })
  }
}
