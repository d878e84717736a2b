/** What the engine says when it will not, as errors of ours: whether to try again, and what to do. Pure. */
import { SpecfleetError } from '@specfleet/shared'

/** Where Podman says no more than that it failed: the status that Docker has for it. */
const STATUS_OF_CAUSE: Readonly<Record<string, number>> = {
  'that name is already in use': 409,
  'container state improper': 304,
}

/** The status of its answer; `undefined` when there was none. 304: it is in that state already. */
export function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number')) return undefined
  const cause = 'json' in error && isObject(error.json) ? error.json.cause : undefined
  return (typeof cause === 'string' ? STATUS_OF_CAUSE[cause] : undefined) ?? error.statusCode
}

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined

/** How Node names what is wrong with a certificate, be it found here or told by the engine. */
const DISTRUST = /^(CERT_|ERR_TLS_|ERR_SSL_|SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_)/
const FULL = /no space left|disk quota|ENOSPC|thinpool|not enough space/i
const NO_IMAGE = /no such image|manifest unknown|image .* not found/i

/** @param doing what was asked of it, for people: `make sandbox-1` */
export function engineError(error: unknown, doing: string): SpecfleetError {
  if (error instanceof SpecfleetError) return error
  const said = wordsOf(error)
  const detail = `it cannot ${doing}: ${said}`
  switch (codeOf(error)) {
    case 'EACCES':
    case 'EPERM':
      return new SpecfleetError('provider.unavailable', `this user may not use Docker (${said})`, {
        cause: error,
        next: 'add the user to the group docker, or run the fleet as root',
      })
    case 'ENOENT':
    case 'ENOTFOUND':
    case 'EHOSTUNREACH':
    case 'ETIMEDOUT':
    case 'ECONNREFUSED':
    case 'ECONNRESET':
    case 'EPIPE':
      return new SpecfleetError('provider.engine-gone', said, { cause: error })
  }
  if (DISTRUST.test(codeOf(error) ?? ''))
    return new SpecfleetError(
      'provider.unavailable',
      `the engine and this orchestrator do not trust each other (${said})`,
      {
        cause: error,
        next: 'mend the certificates in DOCKER_CERT_PATH, or those of the engine',
      },
    )
  if (FULL.test(said)) return new SpecfleetError('provider.no-space', said, { cause: error })
  const status = statusOf(error)
  if (status === 404 && NO_IMAGE.test(said)) return new SpecfleetError('provider.image', said, { cause: error })
  if (status === 409) return new SpecfleetError('provider.conflict', said, { cause: error })
  // What it does not understand or allow today it will not tomorrow; what failed inside of it may go well again.
  return status !== undefined && status >= 400 && status < 500
    ? new SpecfleetError('provider.refused', detail, { cause: error })
    : new SpecfleetError('provider.failed', detail, { cause: error })
}

/** The engine's own words, without those of its client around them. */
function wordsOf(error: unknown): string {
  if (error instanceof Error && 'json' in error && isObject(error.json) && typeof error.json.message === 'string')
    return error.json.message.trim()
  return (error instanceof Error ? error.message : String(error)).trim()
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
