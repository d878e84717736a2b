/** `npm run protocol`: writes docs/protocol.md from docs/protocol.template.md and the zod schemas. */
import { renderPage, writePage } from './protocol/page.ts'

await writePage(await renderPage())
