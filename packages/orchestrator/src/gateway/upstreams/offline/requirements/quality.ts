import type { Section } from '../text/outline.ts'

/** The kind of quality that a requirement is about, told by its words. */
export type RequirementType = 'functional' | 'security' | 'performance' | 'reliability' | 'usability' | 'constraint'

const TYPE_OF_WORDS: readonly (readonly [RegExp, RequirementType])[] = [
  [
    /\b(?:authenti\w*|authori[sz]\w*|unauthori[sz]\w*|password\w*|secrets?|encrypt\w*|permissions?|csrf|xss|ssrf|inject\w*|saniti[sz]\w*|privacy|private|brute|attack\w*|api keys?|tokens?|credentials?|rate[- ]limit\w*|loopback|hash(?:ed)? password)\b/i,
    'security',
  ],
  [
    /\b(?:latency|throughput|p9\d|milliseconds?|performance|concurren\w*|per second|scal(?:e|es|able|ability))\b|\b\d+\s?ms\b/i,
    'performance',
  ],
  [
    /\b(?:retr(?:y|ies|ied)|restarts?|crash\w*|durab\w*|backups?|recover\w*|survive\w*|idempoten\w*|timeouts?|atomic\w*|consisten\w*|availab(?:le|ility)|fail(?:s|ed|ure|over)?|lost|lose)\b/i,
    'reliability',
  ],
  [
    /\b(?:accessib\w*|usab\w*|keyboard|screen readers?|readable|locales?|languages?|translations?|responsive)\b/i,
    'usability',
  ],
  [
    /\b(?:compatib\w*|no (?:new |external )?dependenc\w*|must run on|node(?:\.js)? \d+|python \d|standard library)\b/i,
    'constraint',
  ],
]

export function typeOf(text: string, { title, trail }: Section): RequirementType {
  const heading = [title, ...trail].join(' ')
  if (/\b(?:constraints?|technical (?:context|requirements?)|compatibility)\b/i.test(heading)) return 'constraint'
  const known = (['security', 'performance', 'reliability', 'usability'] as const).find((type) =>
    heading.toLowerCase().includes(type),
  )
  return known ?? TYPE_OF_WORDS.find(([words]) => words.test(text))?.[1] ?? 'functional'
}
