import { describe, expect, it } from 'vitest'
import type { Desk } from '../desk.ts'
import { fetchThroughDesk, MODEL_BASE_URL } from './transport.ts'

type Call = { service: string; meta: unknown; body: string }

function deskAnswering(meta: unknown, body: string) {
  const calls: Call[] = []
  const call: Desk['call'] = async (service, asked, options) => {
    calls.push({ service, meta: asked, body: Buffer.from(options.body ?? []).toString() })
    return { meta, body: new Blob([body]).stream() }
  }
  return { calls, call }
}

describe('fetchThroughDesk', () => {
  it('carries a request up and its answer down', async () => {
    const desk = deskAnswering({ status: 200, headers: { 'content-type': 'text/event-stream' } }, 'data: 1\n\n')
    const response = await fetchThroughDesk(desk)(`${MODEL_BASE_URL}/v1/messages?beta=true`, {
      method: 'POST',
      headers: { 'x-test': 'yes' },
      body: '{"model":"m"}',
    })
    expect(desk.calls).toMatchObject([
      {
        service: 'model',
        meta: { method: 'POST', path: '/v1/messages?beta=true', headers: { 'x-test': 'yes' } },
        body: '{"model":"m"}',
      },
    ])
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    expect(await response.text()).toBe('data: 1\n\n')
  })

  it('answers without a body where there may be none', async () => {
    expect((await fetchThroughDesk(deskAnswering({ status: 204, headers: {} }, ''))(MODEL_BASE_URL)).body).toBeNull()
  })

  it('does not take an answer that is none', async () => {
    await expect(fetchThroughDesk(deskAnswering({ status: 'fine' }, ''))(MODEL_BASE_URL)).rejects.toMatchObject({
      code: 'model.upstream',
    })
  })

  it('errors an answer in which the upstream goes silent, and lets go of the call', async () => {
    let letGo: unknown
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(Buffer.from('half')),
      cancel: (reason) => {
        letGo = reason
      },
    })
    const call: Desk['call'] = async () => ({ meta: { status: 200, headers: {} }, body })
    const response = await fetchThroughDesk({ call }, 20)(MODEL_BASE_URL)
    await expect(response.text()).rejects.toMatchObject({ code: 'model.upstream' })
    expect(letGo).toMatchObject({ code: 'model.upstream' })
  })

  it('errors an answer whose call broke, with the reason', async () => {
    const body = new ReadableStream<Uint8Array>({ pull: (controller) => controller.error(new Error('broke')) })
    const call: Desk['call'] = async () => ({ meta: { status: 200, headers: {} }, body })
    await expect((await fetchThroughDesk({ call })(MODEL_BASE_URL)).text()).rejects.toThrow('broke')
  })
})
