import { describeIssues } from '@specfleet/shared'
import type { z } from 'zod'
import type { ModelUpstream, UpstreamRequest, UpstreamResponse } from '../upstream.ts'
import { planReply } from './planner.ts'
import { ApiError } from './wire/errors.ts'
import { streamOf } from './wire/events.ts'
import { countInputTokens, idOf, messageOf } from './wire/message.ts'
import { CountRequest, conversationFault, MessagesRequest } from './wire/request.ts'

export type OfflineOptions = {
  /** Largest request that is read, in bytes; 32 MiB, as the API has it, unless told. */
  maxBodyBytes?: number
}

const MAX_BODY_BYTES = 32 * 1024 * 1024

/**
 * A deterministic planner behind the wire format of the Messages API. It needs no key, no network
 * and keeps no state: each reply follows from the request alone, so a conversation that is resumed,
 * retried or replayed goes on exactly as it would have.
 */
export function offlineUpstream(options: OfflineOptions = {}): ModelUpstream {
  const limit = options.maxBodyBytes ?? MAX_BODY_BYTES
  return {
    name: 'offline',
    offline: true,
    async fetch(request, signal) {
      signal.throwIfAborted()
      try {
        return await answer(request, limit, signal)
      } catch (thrown) {
        if (!(thrown instanceof ApiError)) throw thrown
        const id = idOf('req', request.method, request.path, thrown.message)
        return json(thrown.status, id, thrown.toBody(id))
      }
    },
  }
}

async function answer(request: UpstreamRequest, limit: number, signal: AbortSignal): Promise<UpstreamResponse> {
  const path = request.path.split('?', 1)[0]
  if (path !== '/v1/messages' && path !== '/v1/messages/count_tokens') {
    throw new ApiError('not_found_error', `the offline planner has no ${path}`)
  }
  if (request.method !== 'POST') throw new ApiError('invalid_request_error', `${path} takes POST only`, 405)
  const body = parseJson(await readAll(request.body, limit, signal))
  if (path === '/v1/messages') return answerMessages(check(MessagesRequest, body), signal)
  const counted = check(CountRequest, body)
  return json(200, idOf('req', counted), { input_tokens: countInputTokens(counted) })
}

function answerMessages(request: MessagesRequest, signal: AbortSignal): UpstreamResponse {
  const fault = conversationFault(request.messages)
  if (fault !== undefined) throw new ApiError('invalid_request_error', fault)
  if (request.output_config?.format !== undefined) {
    throw new ApiError('invalid_request_error', 'output_config.format: the offline planner hands in by tools only')
  }
  const message = messageOf(planReply(request), request, request.max_tokens)
  const requestId = idOf('req', message.id)
  if (request.stream !== true) return json(200, requestId, message)
  return {
    status: 200,
    headers: {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      'request-id': requestId,
    },
    body: streamOf(message, signal),
  }
}

function check<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value)
  if (!result.success) throw new ApiError('invalid_request_error', describeIssues(result.error))
  return result.data
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw new ApiError('invalid_request_error', 'the request body is not valid JSON')
  }
}

async function readAll(body: UpstreamRequest['body'], limit: number, signal: AbortSignal): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  const take = (chunk: Uint8Array) => {
    size += chunk.byteLength
    if (size > limit) throw new ApiError('request_too_large', `the request is larger than ${limit} bytes`)
    chunks.push(chunk)
  }
  if (body instanceof Uint8Array) take(body)
  else await body.pipeTo(new WritableStream({ write: take }), { signal })
  return Buffer.concat(chunks)
}

function json(status: number, requestId: string, value: object): UpstreamResponse {
  return {
    status,
    headers: { 'content-type': 'application/json', 'request-id': requestId },
    body: new Blob([JSON.stringify(value)]).stream(),
  }
}
