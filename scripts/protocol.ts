/**
 * Writes docs/protocol.md from docs/protocol.template.md and the zod schemas, or with
 * `--check` fails when the page no longer says what the schemas say.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { SECTIONS } from './protocol/sections.ts'

const TEMPLATE = new URL('../docs/protocol.template.md', import.meta.url)
const PAGE = new URL('../docs/protocol.md', import.meta.url)

const template = await readFile(TEMPLATE, 'utf8')
const page = template.replaceAll(/^<!-- schema: ([a-z]+) -->$/gm, (_, name: string) => {
  const section = SECTIONS[name]
  if (section === undefined) throw new Error(`docs/protocol.template.md names an unknown schema: ${name}`)
  return section().join('\n').trimEnd()
})

if (process.argv.includes('--check')) {
  const written = await readFile(PAGE, 'utf8').catch(() => '')
  if (written !== page) {
    console.error('docs/protocol.md does not say what the schemas say: run `npm run protocol`')
    process.exitCode = 1
  }
} else {
  await writeFile(PAGE, page)
}
