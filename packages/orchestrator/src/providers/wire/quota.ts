/** What a stored kind of message may take, in bytes of the wire, over the life of one sandbox. */
export type QuotaLimits = { readonly log: number; readonly trace: number; readonly turn: number }

export interface Quota {
  /** Counts one message; says why it may not reach the bus, if so. What is refused takes nothing. */
  refuse(subject: string, bytes: number): string | undefined
}

const NAMES: Readonly<Record<keyof QuotaLimits, string>> = { log: 'facts', trace: 'traces', turn: 'turns' }
const isLimited = (family: string): family is keyof QuotaLimits => Object.hasOwn(NAMES, family)

export function openQuota(limits: QuotaLimits): Quota {
  const used: Record<keyof QuotaLimits, number> = { log: 0, trace: 0, turn: 0 }
  return {
    refuse(subject, bytes) {
      const [root, family = ''] = subject.split('.', 2)
      if (root !== 'sf' || !isLimited(family)) return undefined
      if (used[family] + bytes > limits[family]) return `more than ${limits[family]} bytes of ${NAMES[family]}`
      used[family] += bytes
      return undefined
    },
  }
}

/** What a message costs of the allowance of messages; whoever serves a call works more than who stores a line. */
const COST = { message: 1, call: 10 } as const

/** `sf.desk.<run>.<epoch>.<service>` opens a call; its later frames have one part more. */
export const costOf = (subject: string): number =>
  subject.startsWith('sf.desk.') && subject.split('.').length === 5 ? COST.call : COST.message

/**
 * Of the arguments of `PUB` (subject, reply, length) and `HPUB` (subject, reply, length of headers, length),
 * of which the reply may be absent.
 */
export function addressOf(verb: 'PUB' | 'HPUB', args: string): { subject: string; reply: string | undefined } {
  const words = args.split(/[ \t]+/)
  const [subject = '', reply] = words
  return { subject, reply: words.length > (verb === 'PUB' ? 2 : 3) ? reply : undefined }
}

/** Servers do not check where an answer is wanted; a sandbox has no reason to want it anywhere but in its own inbox. */
export const isForeign = (reply: string | undefined): boolean => reply !== undefined && !reply.startsWith('_INBOX.')
