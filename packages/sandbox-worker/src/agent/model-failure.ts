import { AnthropicError, APIError, APIUserAbortError } from '@anthropic-ai/sdk/core/error'
import { SpecfleetError } from '@specfleet/shared'

/** What a failed model call means for the run. */
export type ModelFailure =
  /** The same call may succeed later. `afterMs` is what the upstream asked for. */
  | { kind: 'retry'; reason: string; limited: boolean; afterMs?: number }
  | { kind: 'aborted' }
  /** Nothing may be spent any more. */
  | { kind: 'budget'; reason: string }
  /** The same call fails again, whenever it is made. */
  | { kind: 'permanent'; reason: string; limited: boolean }

/** Longest wait that an upstream may ask for. */
const MAX_ASKED_MS = 60_000
const TRANSIENT_TYPES = new Set(['overloaded_error', 'api_error', 'rate_limit_error', 'timeout_error'])

/** @throws what is no failure of a model call */
export function classifyFailure(thrown: unknown): ModelFailure {
  if (thrown instanceof APIUserAbortError) return { kind: 'aborted' }
  if (thrown instanceof APIError) return classifyApiError(thrown)
  // The stream ended early, or a tool's input was no whole JSON.
  if (thrown instanceof AnthropicError) return { kind: 'retry', reason: thrown.message, limited: false }
  if (thrown instanceof SpecfleetError) return classifyOwn(thrown)
  throw thrown
}

function classifyApiError(error: APIError): ModelFailure {
  if (error.cause instanceof SpecfleetError) return classifyOwn(error.cause)
  const reason = error.message
  if (error.status === 402) return { kind: 'budget', reason }
  const limited = error.status === 429 || error.status === 529 || error.type === 'rate_limit_error'
  if (error.errorCode === 'enforced_spend_limit_reached') return { kind: 'permanent', reason, limited: false }
  // A stream that broke has no status; an error inside it names its type.
  const transient =
    error.status === undefined
      ? error.type === null || TRANSIENT_TYPES.has(error.type)
      : error.status === 408 || error.status === 409 || error.status === 429 || error.status >= 500
  // The gateway's word outranks ours.
  const told = error.headers?.get('x-should-retry')
  const retry = told === 'true' || (told !== 'false' && transient)
  if (!retry) return { kind: 'permanent', reason, limited }
  const afterMs = askedDelay(error.headers)
  return afterMs === undefined ? { kind: 'retry', reason, limited } : { kind: 'retry', reason, limited, afterMs }
}

function classifyOwn(error: SpecfleetError): ModelFailure {
  if (error.code === 'budget.exhausted' || error.code === 'budget.unpriced')
    return { kind: 'budget', reason: error.message }
  return error.retryable || error.code === 'duplex.cancelled'
    ? { kind: 'retry', reason: error.message, limited: false }
    : { kind: 'permanent', reason: error.message, limited: false }
}

/** `retry-after-ms`, or `retry-after` in seconds. */
function askedDelay(headers: Headers | undefined): number | undefined {
  const ms = headers?.get('retry-after-ms') ?? undefined
  const seconds = headers?.get('retry-after') ?? undefined
  const asked = ms === undefined ? Number(seconds) * 1000 : Number(ms)
  return Number.isFinite(asked) && asked >= 0 ? Math.min(asked, MAX_ASKED_MS) : undefined
}
