/** One package archive that the machine is set up to use. */
export type AptSource = {
  uri: string
  suites: readonly string[]
  components: readonly string[]
  /** The key file that its owner vouches with, where the entry names one. */
  signedBy?: string
}

/** Reads one file of `/etc/apt/sources.list.d` or `/etc/apt/sources.list`; lines it cannot read are left out. */
export function parseAptSources(fileName: string, text: string): AptSource[] {
  return fileName.endsWith('.sources') ? parseDeb822(text) : parseOneLine(text)
}

/** `deb [option=value …] uri suite component…`, one a line. */
function parseOneLine(text: string): AptSource[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*([^#]*)/.exec(line)
    if (match === null) return []
    const [, options = '', uri = '', suite = '', components = ''] = match
    const signedBy = /(?:^|\s)signed-by=(\S+)/i.exec(options)?.[1]
    return [{ uri, suites: [suite], components: words(components), ...keyFile(signedBy) }]
  })
}

/** Stanzas of `Field: value`, with continuation lines that begin with a blank. */
function parseDeb822(text: string): AptSource[] {
  const lines = text.split('\n').filter((line) => !line.startsWith('#'))
  const stanzas = lines.join('\n').split(/\n\s*\n/)
  return stanzas.map(fieldsOf).flatMap((fields) => {
    if (!words(fields.get('types') ?? '').includes('deb') || fields.get('enabled') === 'no') return []
    const rest = {
      suites: words(fields.get('suites') ?? ''),
      components: words(fields.get('components') ?? ''),
      ...keyFile(fields.get('signed-by')),
    }
    return words(fields.get('uris') ?? '').map((uri) => ({ uri, ...rest }))
  })
}

function fieldsOf(stanza: string): Map<string, string> {
  const fields = new Map<string, string>()
  for (const match of stanza.matchAll(/^([A-Za-z][\w-]*):(.*(?:\n[ \t].*)*)/gm)) {
    fields.set((match[1] ?? '').toLowerCase(), (match[2] ?? '').trim())
  }
  return fields
}

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '')

/** A key may also stand in the entry itself; only a file can be named again. */
const keyFile = (signedBy: string | undefined): Pick<AptSource, 'signedBy'> =>
  signedBy?.startsWith('/') ? { signedBy } : {}

/** The machine's distribution, from `/etc/os-release`. */
export function parseOsRelease(text: string): { id: string; codename: string } {
  const value = (key: string) => new RegExp(`^${key}="?([^"\\n]*)"?$`, 'm').exec(text)?.[1] ?? ''
  return { id: value('ID'), codename: value('VERSION_CODENAME') }
}

/** Mirrors that serve the distribution itself: its codename as a suite, its `main` component. */
export function distributionMirrors(sources: readonly AptSource[], codename: string): string[] {
  const own = sources.filter((source) => source.suites.includes(codename) && source.components.includes('main'))
  return [...new Set(own.map((source) => source.uri))]
}
