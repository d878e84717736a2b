import { APIConnectionError, APIError, APIUserAbortError } from '@anthropic-ai/sdk/core/error'
import { SpecfleetError } from '@specfleet/shared'
import { describe, expect, it } from 'vitest'
import { classifyFailure } from './model-failure.ts'

const api = (status: number | undefined, type: string, headers: Record<string, string> = {}, details?: object) =>
  APIError.generate(
    status,
    { type: 'error', error: { type, message: 'm', ...(details && { details }) } },
    'm',
    new Headers(headers),
  )

describe('classifyFailure', () => {
  it.each([
    [408, 'timeout_error', 'retry'],
    [409, 'conflict', 'retry'],
    [429, 'rate_limit_error', 'retry'],
    [500, 'api_error', 'retry'],
    [529, 'overloaded_error', 'retry'],
    [400, 'invalid_request_error', 'permanent'],
    [401, 'authentication_error', 'permanent'],
    [404, 'not_found_error', 'permanent'],
    [402, 'billing_error', 'budget'],
  ])('%i is %s: %s', (status, type, kind) => {
    expect(classifyFailure(api(status, type))).toMatchObject({ kind })
  })

  it('lets the gateway overrule it, both ways', () => {
    expect(classifyFailure(api(500, 'api_error', { 'x-should-retry': 'false' }))).toMatchObject({ kind: 'permanent' })
    expect(classifyFailure(api(400, 'odd', { 'x-should-retry': 'true' }))).toMatchObject({ kind: 'retry' })
  })

  it('does not wait for a spending limit to go away', () => {
    const limit = api(429, 'rate_limit_error', {}, { error_code: 'enforced_spend_limit_reached' })
    expect(classifyFailure(limit)).toMatchObject({ kind: 'permanent', limited: false })
  })

  it('reads how long to wait, and clamps it', () => {
    expect(classifyFailure(api(429, 'rate_limit_error', { 'retry-after-ms': '250' }))).toMatchObject({ afterMs: 250 })
    expect(classifyFailure(api(429, 'rate_limit_error', { 'retry-after': '1e9' }))).toMatchObject({ afterMs: 60_000 })
    expect(classifyFailure(api(429, 'rate_limit_error', { 'retry-after': 'soon' }))).not.toHaveProperty('afterMs')
  })

  it('looks through the wrapping of the SDK at what the bus said', () => {
    const wrapped = (code: ConstructorParameters<typeof SpecfleetError>[0]) =>
      new APIConnectionError({ message: 'Connection error.', cause: new SpecfleetError(code) })
    expect(classifyFailure(wrapped('duplex.stalled'))).toMatchObject({ kind: 'retry' })
    expect(classifyFailure(wrapped('desk.forbidden'))).toMatchObject({ kind: 'permanent' })
    expect(classifyFailure(wrapped('budget.exhausted'))).toMatchObject({ kind: 'budget' })
  })

  it('passes on what is no failure of a model call', () => {
    expect(classifyFailure(new APIUserAbortError())).toEqual({ kind: 'aborted' })
    expect(() => classifyFailure(new TypeError('a bug'))).toThrow('a bug')
  })
})
