import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createApp } from '../src/app.js'
import { LinkStore } from '../src/link-store.js'

/** A running service on a free port with an empty store. */
async function service(context) {
  const folder = await mkdtemp(join(tmpdir(), 'shortener-'))
  const store = await LinkStore.open(join(folder, 'links.json'))
  const app = createApp({ store, now: () => new Date('2026-01-01T00:00:00Z') })
  app.listen(0, '127.0.0.1')
  await once(app, 'listening')
  context.after(async () => {
    app.closeAllConnections()
    app.close()
    await rm(folder, { recursive: true })
  })
  const base = `http://127.0.0.1:${app.address().port}`
  return (method, path, body) =>
    fetch(base + path, { method, redirect: 'manual', ...(body === undefined ? {} : { body }) })
}

test('a link is created, followed, shown with its visit, and removed', async (context) => {
  const call = await service(context)
  const created = await call('POST', '/api/links', '{"url":"https://example.com/page"}')
  assert.equal(created.status, 201)
  const { code, createdAt } = await created.json()
  assert.equal(createdAt, '2026-01-01T00:00:00.000Z')

  const followed = await call('GET', `/${code}`)
  assert.equal(followed.status, 302)
  assert.equal(followed.headers.get('location'), 'https://example.com/page')

  const shown = await call('GET', `/api/links/${code}`)
  assert.equal((await shown.json()).visits, 1)

  assert.equal((await call('DELETE', `/api/links/${code}`)).status, 204)
  assert.equal((await call('GET', `/${code}`)).status, 404)
})

test('bad requests are refused with a reason', async (context) => {
  const call = await service(context)
  const refused = [
    ['POST', '/api/links', '{"url":"ftp://example.com"}', 400],
    ['POST', '/api/links', 'no json', 400],
    ['POST', '/api/links', '[]', 400],
    ['POST', '/api/links', JSON.stringify({ url: 'x'.repeat(20_000) }), 413],
    ['GET', '/unknown', undefined, 404],
    ['GET', '/%zz', undefined, 400],
    ['PUT', '/api/links', '{}', 404],
  ]
  for (const [method, path, body, status] of refused) {
    const response = await call(method, path, body)
    assert.equal(response.status, status, `${method} ${path}`)
    assert.ok((await response.json()).error)
  }
})
