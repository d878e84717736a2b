import { Author, BUCKETS, DESK_SERVICES, decodeFrame, SANDBOX_ACCOUNT_PREFIX, STREAMS } from '@specfleet/shared'
import * as z from 'zod'
import { type Conversations, deskPart, deskWhat } from './conversations.ts'
import { parseJson } from './json.ts'
import { headerOf, type Message } from './message.ts'
import { PARTS, type Part, type PointName } from './point.ts'
import type { Speaker } from './speaker.ts'

/** A name, and the run, spec or orchestrator it is about; what is about none has an empty one. */
export type Named = { readonly name: PointName; readonly about: string }

/** What has no name, by the beginning of its subject: it changes nothing that anybody relies on. */
export const NAMELESS = [
  { begins: '$JS.API.', why: 'questions to JetStream, pulls and consumers; but for purges, which have a name' },
  { begins: '$JS.FC.', why: 'flow control of deliveries' },
  { begins: '$SYS.REQ.', why: 'questions to the server; but for changes of accounts, which have a name' },
  { begins: 'sf.log.-.-.0.probe', why: 'asks whether a stream has dealt with all before; never stored' },
  { begins: 'sf.trace.-.-.0.probe', why: 'the same of traces' },
  { begins: 'sf.turn.-.-.0', why: 'the same of turns' },
  { begins: 'sf.serving.', why: 'desks ask each other whose a call is, to count what belongs to nobody' },
] as const

/**
 * What a message says, by its subject, headers and payload alone; `undefined` for what has no name. Pure. Never
 * throws: a payload that is not what its subject promises is named by its subject and speaker.
 */
export function nameMessage(message: Message, speaker: Speaker, conversations: Conversations): Named | undefined {
  const { subject } = message
  const words = subject.split('.')
  switch (words[0]) {
    case 'sf':
      return nameOurs(message, words, speaker, conversations)
    case '$KV':
      return nameRecord(message, words[1] ?? '', words.slice(2).join('.'))
    case '$O':
      return nameBlob(words)
    case '$JS':
      return nameJetStream(message, words)
    case '$SYS':
      return nameAccount(message)
    default: {
      const asked = conversations.askedFor(subject)
      return asked && { name: `${asked.part}/${asked.what}`, about: asked.about }
    }
  }
}

function nameOurs(
  message: Message,
  [, family = '', ...words]: readonly string[],
  speaker: Speaker,
  conversations: Conversations,
): Named | undefined {
  if (NAMELESS.some(({ begins }) => message.subject.startsWith(begins))) return undefined
  const [first = '', second = '', , ...rest] = words
  /** `sf.<family>.<spec>.<run>.<epoch>…`: facts of no run are about their spec. */
  const ofRun = second === '-' ? first : second
  const type = rest.join('.')
  switch (family) {
    case 'log':
      return { name: `${authorOf(message, speaker)}/fact/${type}`, about: ofRun }
    case 'trace':
      return { name: `worker/trace/${type}`, about: ofRun }
    case 'turn':
      return { name: 'worker/turn', about: ofRun }
    case 'beat':
      return { name: 'worker/beat', about: first }
    case 'ctl':
      return { name: `supervisor/control/${commandOf(message)}`, about: first }
    case 'desk':
      return nameCall(message, words)
    case 'down':
      return nameAnswer(message, words, conversations)
    case 'task':
      return { name: speaker.kind === 'orchestrator' ? 'api/task' : 'client/task', about: '' }
    case 'api':
      return { name: `client/request/${first}`, about: '' }
    case 'dead':
      return { name: `intake/dead/${words.join('.')}`, about: '' }
    default:
      return undefined
  }
}

const ByAuthor = z.looseObject({ by: Author })

function authorOf(message: Message, speaker: Speaker): Part {
  if (speaker.kind === 'worker') return 'worker'
  const by = ByAuthor.safeParse(parseJson(message.payload)).data?.by
  return PARTS.find((part) => part === by) ?? 'supervisor'
}

const Commanding = z.looseObject({ command: z.string().regex(/^[a-z]+$/) })
const commandOf = (message: Message): string =>
  Commanding.safeParse(parseJson(message.payload)).data?.command ?? 'unknown'

/** `sf.desk.<run>.<epoch>.taken`, `….<service>` opens a call, `….<service>.<call>` goes on with it. */
function nameCall({ payload }: Message, [runId = '', , service = '', call]: readonly string[]): Named | undefined {
  if (service === 'taken') return { name: 'worker/taken', about: runId }
  if (!DESK_SERVICES.some((each) => each === service)) return undefined
  if (call === undefined) return { name: `worker/call/${service}`, about: runId }
  return { name: `worker/call/${service}/${kindOf(payload)}`, about: runId }
}

function nameAnswer(
  { payload }: Message,
  [runId = '', , call = '']: readonly string[],
  conversations: Conversations,
): Named {
  const service = conversations.serviceOf(call)
  const kind = kindOf(payload)
  if (service === undefined) return { name: `desk/answer/unknown/${kind}`, about: runId }
  const name: PointName = `${deskPart(service)}/${deskWhat('answer', service)}`
  return { name: kind === 'head' ? name : `${name}/${kind}`, about: runId }
}

const kindOf = (payload: Buffer): string => decodeFrame(payload)?.kind ?? 'unknown'

const Stateful = z.looseObject({ state: z.string().regex(/^[a-z]+$/) })
const EXPECTED = 'Nats-Expected-Last-Subject-Sequence'

function nameRecord(message: Message, bucket: string, key: string): Named | undefined {
  const removed = headerOf(message, 'KV-Operation') !== undefined
  switch (bucket) {
    case BUCKETS.runs: {
      const state = Stateful.safeParse(parseJson(message.payload)).data?.state ?? 'unknown'
      // Intake creates a run, and nobody else does.
      const part = headerOf(message, EXPECTED) === '0' ? 'intake' : 'supervisor'
      return { name: `${part}/record/${removed ? 'removed' : state}`, about: key }
    }
    case BUCKETS.specs:
      return { name: removed ? 'ledger/view/removed' : 'ledger/view', about: key }
    case BUCKETS.orchestrators:
      return { name: removed ? 'supervisor/liveness/removed' : 'supervisor/liveness', about: key }
    case BUCKETS.memory:
      return { name: 'desk/memory', about: key }
    case BUCKETS.runBlobs:
      return { name: 'desk/blobs', about: key }
    default:
      return undefined
  }
}

/** Blobs are sources, which intake fetches; and now and then what supervisor has to say to a sandbox at length. */
function nameBlob([, bucket, kind]: readonly string[]): Named | undefined {
  if (bucket !== BUCKETS.blobs || (kind !== 'C' && kind !== 'M')) return undefined
  return { name: `intake/blob/${kind === 'C' ? 'chunk' : 'meta'}`, about: '' }
}

const ANSWERS: Readonly<Record<string, string>> = { '+ACK': 'ack', '-NAK': 'nak', '+WPI': 'working', '+TERM': 'term' }

function nameJetStream({ subject, payload }: Message, words: readonly string[]): Named | undefined {
  if (words[1] === 'ACK') {
    // With a cluster's domain and account two words more stand in front of the stream.
    if (!words.includes(STREAMS.tasks)) return undefined
    const verb = payload.subarray(0, 5).toString('latin1').split(' ')[0] ?? ''
    return { name: `intake/task/${ANSWERS[verb] ?? 'ack'}`, about: '' }
  }
  const purged = /^\$JS\.API\.STREAM\.PURGE\.(.+)$/.exec(subject)?.[1]
  if (purged === STREAMS.turns) return { name: 'supervisor/purge/turns', about: '' }
  if (purged === `OBJ_${BUCKETS.blobs}`) return { name: 'intake/blob/purge', about: '' }
  return undefined
}

const Claims = z.looseObject({ name: z.string() })

/** Accounts of sandboxes: told to the server, emptied, and deleted. */
function nameAccount({ subject, payload }: Message): Named | undefined {
  if (subject === '$SYS.REQ.CLAIMS.DELETE') return { name: 'supervisor/account/removed', about: '' }
  if (subject !== '$SYS.REQ.CLAIMS.UPDATE') return undefined
  const claims = payload.toString('latin1').split('.')[1] ?? ''
  const name = Claims.safeParse(parseJson(Buffer.from(claims, 'base64url'))).data?.name ?? ''
  if (name === `${SANDBOX_ACCOUNT_PREFIX}revoked`) return { name: 'supervisor/account/revoked', about: '' }
  return { name: 'supervisor/account/made', about: name.replace(/-\d+$/, '') }
}
