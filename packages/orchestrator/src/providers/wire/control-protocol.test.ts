import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { lineReader, parseRequest } from './control-protocol.ts'
import { parseBusAddress } from './forwarder.ts'
import { tokenBucket } from './wire.ts'

describe('a request to the forwarder', () => {
  it('is read when it is one', () => {
    expect(parseRequest('{"op":"list","more":1}')).toEqual({ op: 'list' })
    expect(parseRequest('{"op":"open","name":"run_1-2"}')).toEqual({ op: 'open', name: 'run_1-2' })
    const upstreams = [{ host: '::1', port: 4222 }]
    expect(parseRequest(JSON.stringify({ op: 'lease', upstreams }))).toEqual({ op: 'lease', upstreams })
  })

  it('never names a folder outside', () => {
    for (const name of ['..', 'a/b', '', '.dead', 'x'.repeat(65), 'a\u0000b', 7, null]) {
      expect(parseRequest(JSON.stringify({ op: 'open', name }))).toBeUndefined()
    }
  })

  it('is nothing otherwise', () => {
    for (const upstreams of [
      [],
      [{ host: '', port: 1 }],
      [{ host: 'a', port: 0 }],
      [{ host: 'a', port: 70_000 }],
      'a:1',
      undefined,
    ]) {
      expect(parseRequest(JSON.stringify({ op: 'lease', upstreams }))).toBeUndefined()
    }
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.json().map((json) => `{"op":"open","name":${json}}`),
        ),
        (line) => {
          const request = parseRequest(line)
          if (request !== undefined && 'name' in request) expect(request.name).toMatch(/^[A-Za-z0-9_-]{1,64}$/)
        },
      ),
    )
  })
})

describe('lines', () => {
  it('are the same however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.stringMatching(/^[a-z]{1,20}$/)),
        fc.array(fc.integer({ min: 1, max: 9 })),
        (lines, cuts) => {
          const read: string[] = []
          const take = lineReader(
            100,
            (line) => read.push(line),
            () => {},
          )
          let text = lines.map((line) => `${line}\n`).join('')
          for (const cut of cuts) {
            take(text.slice(0, cut))
            text = text.slice(cut)
          }
          take(text)
          expect(read).toEqual(lines)
        },
      ),
    )
  })

  it('may not grow without end', () => {
    let overflowed = 0
    const take = lineReader(
      10,
      () => {},
      () => overflowed++,
    )
    take('12345678\n90')
    expect(overflowed).toBe(0)
    take('123456789')
    expect(overflowed).toBe(1)
  })
})

it('reads addresses of a bus', () => {
  expect(parseBusAddress('nats.example:4222')).toEqual({ host: 'nats.example', port: 4222 })
  expect(parseBusAddress('[::1]:4222')).toEqual({ host: '::1', port: 4222 })
  for (const bad of ['nats.example', ':4222', 'a:b', 'a:0', 'a:99999', 'nats://a:1', '::1:4222']) {
    expect(() => parseBusAddress(bad)).toThrow('is no host:port')
  }
})

describe('the bucket of a wire', () => {
  it('never lets more through than the burst and what has run in since', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 2_000 }), { maxLength: 200 }), (gaps) => {
        const bucket = tokenBucket({ burst: 5, perSecond: 2 })
        let now = 0
        let taken = 0
        for (const gap of gaps) {
          now += gap
          if (bucket.take(now)) taken++
          expect(taken).toBeLessThanOrEqual(5 + (now / 1000) * 2)
        }
      }),
    )
  })

  it('fills again', () => {
    const bucket = tokenBucket({ burst: 1, perSecond: 1 })
    expect([bucket.take(0), bucket.take(500), bucket.take(1_500)]).toEqual([true, false, true])
  })
})
