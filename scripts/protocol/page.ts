import { readFile, writeFile } from 'node:fs/promises'
import { SECTIONS } from './sections.ts'

const TEMPLATE = new URL('../../docs/protocol.template.md', import.meta.url)
const PAGE = new URL('../../docs/protocol.md', import.meta.url)

/** The page as the schemas have it now. @throws Error when the template names a schema that is not there. */
export async function renderPage(): Promise<string> {
  const template = await readFile(TEMPLATE, 'utf8')
  return template.replaceAll(/^<!-- schema: ([a-z]+) -->$/gm, (_, name: string) => {
    const section = SECTIONS[name]
    if (section === undefined) throw new Error(`docs/protocol.template.md names an unknown schema: ${name}`)
    return section().join('\n').trimEnd()
  })
}

export const readPage = (): Promise<string> => readFile(PAGE, 'utf8')
export const writePage = (page: string): Promise<void> => writeFile(PAGE, page)
