import { AuthorizationError, InvalidArgumentError, UserAuthenticationExpiredError } from 'nats'
import { SpecfleetError } from '../contract/errors.ts'

/** A client's error as one of ours. */
export function busError(thrown: unknown, subject: string): unknown {
  if (thrown instanceof SpecfleetError || !(thrown instanceof Error)) return thrown
  if (thrown instanceof InvalidArgumentError) return new SpecfleetError('bus.too-large', subject, { cause: thrown })
  return new SpecfleetError('bus.unreachable', `${subject}: ${thrown.message}`, { cause: thrown })
}

/** Whether the server sent us away for what we are, rather than for what befell the connection. */
export const isRefusal = (error: unknown): boolean =>
  error instanceof AuthorizationError || error instanceof UserAuthenticationExpiredError
