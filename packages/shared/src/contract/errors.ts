import * as z from 'zod'
import { ERRORS, type ErrorCode, type ErrorEntry, isErrorCode } from './error-catalogue.ts'

/** An error as it travels: in answers, dead letters, problem documents. */
export const WireError = z.object({ code: z.string(), message: z.string(), next: z.string() })
export type WireError = z.infer<typeof WireError>

/**
 * The only error that crosses a boundary of ours. `message` says what happened to what;
 * the catalogue adds what to do next.
 */
export class SpecfleetError extends Error {
  override readonly name = 'SpecfleetError'
  readonly code: ErrorCode
  /** What to do next, when it is more specific than the catalogue's. */
  readonly next: string

  constructor(code: ErrorCode, detail?: string, options: { cause?: unknown; next?: string } = {}) {
    const meaning = ERRORS[code].meaning
    super(
      detail === undefined ? meaning : `${meaning}: ${detail}`,
      options.cause === undefined ? {} : { cause: options.cause },
    )
    this.code = code
    this.next = options.next ?? ERRORS[code].next
  }

  get retryable(): boolean {
    return ERRORS[this.code].retryable
  }

  get exitCode(): ErrorEntry['exitCode'] {
    return ERRORS[this.code].exitCode
  }

  toWire(): WireError {
    return { code: this.code, message: this.message, next: this.next }
  }
}

/** The other direction of `toWire`; a code this version does not know becomes `internal`. */
export function fromWire({ code, message, next }: WireError): SpecfleetError {
  const known = isErrorCode(code) ? code : 'internal'
  const prefix = `${ERRORS[known].meaning}: `
  const detail = message.startsWith(prefix) ? message.slice(prefix.length) : message
  return new SpecfleetError(known, detail === ERRORS[known].meaning ? undefined : detail, { next })
}

/** Any thrown value as a catalogued error; what is not ours becomes `internal`. */
export function toSpecfleetError(thrown: unknown): SpecfleetError {
  if (thrown instanceof SpecfleetError) return thrown
  const detail = thrown instanceof Error ? thrown.message : String(thrown)
  return new SpecfleetError('internal', detail, { cause: thrown })
}

/** A zod failure as one line: `path: message; path: message`. */
export function describeIssues(error: z.ZodError, most = 5): string {
  const lines = error.issues.slice(0, most).map((issue) => {
    const path = issue.path.join('.')
    return path === '' ? issue.message : `${path}: ${issue.message}`
  })
  const rest = error.issues.length - lines.length
  return rest > 0 ? `${lines.join('; ')}; and ${rest} more` : lines.join('; ')
}
