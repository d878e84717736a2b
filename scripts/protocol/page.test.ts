import { expect, it } from 'vitest'
import { readPage, renderPage } from './page.ts'

it('docs/protocol.md says what the schemas say (`npm run protocol` writes it)', async () => {
  expect(await readPage()).toBe(await renderPage())
})
