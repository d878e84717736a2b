import { BaseAnthropic } from '@anthropic-ai/sdk/client'
import type { BetaMessage, BetaMessageParam, BetaToolUnion } from '@anthropic-ai/sdk/resources/beta'
import { Messages } from '@anthropic-ai/sdk/resources/beta/messages'
import { backoffMs } from '../backoff.ts'
import type { Clock } from '../clock.ts'
import { classifyFailure } from './model-failure.ts'
import { MODEL_BASE_URL } from './transport.ts'

export type ModelRequestParts = {
  readonly system: string
  readonly messages: readonly BetaMessageParam[]
  readonly tools: readonly BetaToolUnion[]
}

/** How the request for one reply came out, retries included. */
export type ModelOutcome =
  | { kind: 'reply'; message: BetaMessage; ms: number }
  | { kind: 'aborted' }
  | { kind: 'budget'; reason: string }
  /** The upstream still wants us to wait. */
  | { kind: 'rate-limited'; reason: string }
  /** It does not answer. */
  | { kind: 'unreachable'; reason: string }
  /** It does not accept the request. */
  | { kind: 'refused'; reason: string }

export interface Model {
  reply(request: ModelRequestParts, signal: AbortSignal): Promise<ModelOutcome>
}

export type ModelOptions = {
  fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>
  model: string
  /** Old tool results are dropped on the server when a conversation grows long. */
  clearOldToolUses: boolean
  clock: Clock
  onRetry: (failures: number, reason: string) => void
}

/** Tries for one reply. */
const MAX_MODEL_TRIES = 6
const WAIT = { baseMs: 1_000, capMs: 30_000 }
const MAX_OUTPUT_TOKENS = 32_000
/** How long the head of an answer may take, with all the patience of the gateway in it. */
const HEAD_TIMEOUT_MS = 10 * 60_000

/** The model behind the desk. Retries are ours alone, since the SDK does not retry a stream that broke. */
export function openModel(options: ModelOptions): Model {
  const { clock, onRetry } = options
  // The SDK's whole client brings every resource that there is, and with it half of the worker's code.
  const client = new BaseAnthropic({
    baseURL: MODEL_BASE_URL,
    // No key is in the sandbox; the gateway replaces this.
    apiKey: 'none',
    fetch: options.fetch,
    maxRetries: 0,
    timeout: HEAD_TIMEOUT_MS,
    logLevel: 'off',
    openTelemetry: false,
  })

  const messages = new Messages(client)

  const ask = (request: ModelRequestParts, signal: AbortSignal): Promise<BetaMessage> =>
    messages
      .stream(
        {
          model: options.model,
          max_tokens: MAX_OUTPUT_TOKENS,
          system: request.system,
          messages: [...request.messages],
          tools: [...request.tools],
          cache_control: { type: 'ephemeral' },
          ...(options.clearOldToolUses ? CLEARING : {}),
        },
        { signal },
      )
      .finalMessage()

  return {
    async reply(request, signal) {
      for (let failures = 1; ; failures++) {
        const started = clock.monotonic()
        try {
          const message = await ask(request, signal)
          return { kind: 'reply', message, ms: Math.round(clock.monotonic() - started) }
        } catch (thrown) {
          if (signal.aborted) return { kind: 'aborted' }
          const failure = classifyFailure(thrown)
          if (failure.kind === 'aborted' || failure.kind === 'budget') return failure
          const { reason, limited } = failure
          if (failure.kind === 'permanent') return { kind: limited ? 'rate-limited' : 'refused', reason }
          if (failures >= MAX_MODEL_TRIES) return { kind: limited ? 'rate-limited' : 'unreachable', reason }
          onRetry(failures, reason)
          if (!(await waited(failure.afterMs ?? backoffMs(failures, clock.random(), WAIT), signal))) {
            return { kind: 'aborted' }
          }
        }
      }
    },
  }

  async function waited(ms: number, signal: AbortSignal): Promise<boolean> {
    try {
      await clock.sleep(ms, signal)
      return true
    } catch (thrown) {
      if (signal.aborted) return false
      throw thrown
    }
  }
}

const CLEARING = {
  betas: ['context-management-2025-06-27'],
  context_management: { edits: [{ type: 'clear_tool_uses_20250919' as const }] },
}
