import { SpecfleetError } from '@specfleet/shared'
import type { ModelUpstream, UpstreamRequest } from '../upstream.ts'

export type AnthropicOptions = {
  /** Without a trailing slash; requests' paths come behind it. */
  readonly baseUrl: string
  /** Absent for an endpoint that asks for none. */
  readonly key: string | undefined
}

/** What a sandbox may say to the provider. Everything else, its own authorization before all, stays here. */
const PASSED_UP =
  /^(content-type|accept|anthropic-version|anthropic-beta|user-agent|x-stainless-[a-z-]+|idempotency-key)$/
/** What the provider may say to a sandbox. */
const PASSED_DOWN = /^(content-type|request-id|retry-after(-ms)?|x-should-retry|anthropic-[a-z-]+|cf-ray|date)$/

/**
 * The Messages API, or anything that speaks like it: bytes pass through as they come, in
 * both directions, and the key is put in on the way.
 */
export function anthropicUpstream({ baseUrl, key }: AnthropicOptions): ModelUpstream {
  return {
    name: `anthropic (${new URL(baseUrl).host})`,
    offline: false,
    async fetch(request, signal) {
      const response = await send(baseUrl, key, request, signal)
      const headers = Object.fromEntries([...response.headers].filter(([name]) => PASSED_DOWN.test(name)))
      return { status: response.status, headers, body: response.body ?? emptyBody() }
    },
  }
}

async function send(
  baseUrl: string,
  key: string | undefined,
  { method, path, headers, body }: UpstreamRequest,
  signal: AbortSignal,
): Promise<Response> {
  const given = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const)
  const passed = given.filter(([name]) => PASSED_UP.test(name))
  // Where a client put its own authorization tells which of two dialects it speaks.
  const saysApiKey = given.some(([name]) => name === 'x-api-key')
  const keys = key === undefined ? {} : saysApiKey ? { 'x-api-key': key } : { authorization: `Bearer ${key}` }
  const takesBody = method !== 'GET' && method !== 'HEAD'
  try {
    return await fetch(baseUrl + path, {
      method,
      headers: { ...Object.fromEntries(passed), ...keys, 'accept-encoding': 'identity' },
      ...(takesBody ? { body: body instanceof Uint8Array ? Uint8Array.from(body) : body, duplex: 'half' } : {}),
      // A redirect would take the key elsewhere.
      redirect: 'error',
      signal,
    })
  } catch (cause) {
    signal.throwIfAborted()
    const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : String(cause)
    throw new SpecfleetError('model.upstream', `${new URL(baseUrl).host}: ${reason}`, { cause })
  }
}

const emptyBody = (): ReadableStream<Uint8Array> => new Blob([]).stream()
