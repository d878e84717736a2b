import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { LinkStore } from '../src/link-store.js'

async function temporaryFile(context) {
  const folder = await mkdtemp(join(tmpdir(), 'links-'))
  context.after(() => rm(folder, { recursive: true }))
  return join(folder, 'data', 'links.json')
}

const link = (code) => ({ code, url: 'https://example.com/', createdAt: '2026-01-01T00:00:00.000Z', visits: 0 })

test('links survive a restart', async (context) => {
  const file = await temporaryFile(context)
  const store = await LinkStore.open(file)
  await store.add(link('aaaaaaa'))
  await store.countVisit('aaaaaaa')
  const reopened = await LinkStore.open(file)
  assert.deepEqual(reopened.find('aaaaaaa'), { ...link('aaaaaaa'), visits: 1 })
})

test('many changes at once are all kept', async (context) => {
  const file = await temporaryFile(context)
  const store = await LinkStore.open(file)
  const codes = Array.from({ length: 50 }, (_, index) => `code${index}`)
  await Promise.all(codes.map((code) => store.add(link(code))))
  const reopened = await LinkStore.open(file)
  assert.ok(codes.every((code) => reopened.find(code) !== undefined))
})

test('a taken code is refused', async (context) => {
  const store = await LinkStore.open(await temporaryFile(context))
  await store.add(link('aaaaaaa'))
  await assert.rejects(store.add(link('aaaaaaa')), { status: 409 })
})

test('a damaged file is not taken for an empty one', async (context) => {
  const file = await temporaryFile(context)
  await mkdir(dirname(file))
  await writeFile(file, '[{"code":')
  await assert.rejects(LinkStore.open(file), SyntaxError)
})
