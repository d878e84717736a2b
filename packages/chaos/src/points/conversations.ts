import { API_OPERATIONS, DESK_SERVICES, type DeskService, decodeFrame, decodeHead, OpenHead } from '@specfleet/shared'
import type { Message } from './message.ts'
import type { Part } from './point.ts'

/** What somebody was asked and has not answered yet: the answer goes to a subject that says nothing. */
export type Asked = { readonly part: Part; readonly what: string; readonly about: string }

/** What is known of a conversation beyond the message at hand. */
export interface Conversations {
  /** Of a call whose opening came by. */
  serviceOf(call: string): DeskService | undefined
  /** What the answer on that subject answers. */
  askedFor(reply: string): Asked | undefined
}

/** Far more than are ever open at a time. */
const MOST_REMEMBERED = 10_000

/** Learns from what is delivered: calls and requests, each with the subject its answer will go to. */
export class HeardConversations implements Conversations {
  readonly #services = new Map<string, DeskService>()
  readonly #asked = new Map<string, Asked>()

  serviceOf(call: string): DeskService | undefined {
    return this.#services.get(call)
  }

  askedFor(reply: string): Asked | undefined {
    return this.#asked.get(reply)
  }

  /** Takes note of a message on its way to whoever will answer it. */
  deliver(message: Message): void {
    const [root, family, ...words] = message.subject.split('.')
    if (root !== 'sf') return
    if (family === 'api') this.#askApi(message, words[0] ?? '')
    if (family === 'desk' && words.length === 3) this.#openCall(message, words)
  }

  #askApi({ reply }: Message, operation: string): void {
    if (reply === undefined || !API_OPERATIONS.some((each) => each === operation)) return
    remember(this.#asked, reply, { part: 'api', what: `answer/${operation}`, about: '' })
  }

  #openCall({ reply, payload }: Message, [runId = '', , name]: readonly string[]): void {
    const service = DESK_SERVICES.find((each) => each === name)
    const frame = decodeFrame(payload)
    const opening = frame?.kind === 'open' ? decodeHead(frame.payload, OpenHead) : undefined
    if (service === undefined || opening === undefined) return
    remember(this.#services, opening.head.call, service)
    if (reply !== undefined)
      remember(this.#asked, reply, { part: deskPart(service), what: deskWhat('accept', service), about: runId })
  }
}

/** The desk answers model calls by the gateway. */
export const deskPart = (service: DeskService): Part => (service === 'model' ? 'gateway' : 'desk')
/** `gateway/answer`, `desk/answer/resume`. */
export const deskWhat = (what: 'accept' | 'answer', service: DeskService): string =>
  service === 'model' ? what : `${what}/${service}`

/** The oldest goes when there are too many. */
function remember<T>(into: Map<string, T>, key: string, value: T): void {
  into.delete(key)
  into.set(key, value)
  if (into.size <= MOST_REMEMBERED) return
  const [oldest] = into.keys()
  if (oldest !== undefined) into.delete(oldest)
}
