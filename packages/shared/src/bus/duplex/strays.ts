import { SpecfleetError } from '../../contract/errors.ts'
import { subjects } from '../../contract/subjects.ts'
import type { Bus } from '../connection.ts'
import { Lately } from './lately.ts'

/** How long other servers may take to say that a call is theirs. */
const CLAIM_MS = 5_000
/** Calls of one caller that are asked about at a time: more than an honest one has. */
const MOST_ASKED = 16

export type StraysOptions = {
  /** Subject of the frames, with wildcards. */
  readonly frames: string
  readonly queue: string | undefined
  /** How long frames of a call that is over may still be on their way. */
  readonly lateMs: number
  readonly isRunning: (peer: string, call: string) => boolean
  readonly onStray: (subject: string, count: number) => void
}

/**
 * Hears frames of calls that nobody serves: the subject of each call is listened to only while it lasts.
 *
 * 1. What comes within `lateMs` of a call's end is no stray, and nothing is for as long behind the start:
 *    it may belong to a call of whoever was here before.
 * 2. Of a call that is not ours the other servers are asked; a frame is a stray when none claims its call.
 * 3. Whatever is sent, no more than `MOST_ASKED` questions of a caller are open; further calls are strays unasked.
 */
export class Strays implements Disposable {
  readonly #bus: Bus
  readonly #options: StraysOptions
  readonly #ended: Lately
  readonly #elsewhere: Lately
  /** Frames that came since it was asked whose their call is: by caller, by call. */
  readonly #asked = new Map<string, Map<string, number>>()
  readonly #subscriptions = new DisposableStack()
  readonly #stop = new AbortController()
  readonly #judgesFrom: number

  constructor(bus: Bus, options: StraysOptions) {
    this.#bus = bus
    this.#options = options
    this.#ended = new Lately(options.lateMs)
    this.#elsewhere = new Lately(options.lateMs)
    this.#judgesFrom = performance.now() + options.lateMs
    const { queue } = options
    this.#subscriptions.use(
      bus.subscribe(options.frames, ({ subject }) => this.#frame(subject), queue === undefined ? {} : { queue }),
    )
    this.#subscriptions.use(
      bus.subscribe(subjects.serving(options.frames), (question) => {
        const { peer, call } = partsOf(question.subject)
        if (this.#isOurs(peer, call)) question.respond('')
      }),
    )
  }

  /** The call is over, or was refused: its caller may not know yet. */
  ended(peer: string, call: string): void {
    this.#ended.note(peer, call, performance.now())
  }

  [Symbol.dispose](): void {
    this.#stop.abort()
    this.#subscriptions.dispose()
  }

  #isOurs(peer: string, call: string): boolean {
    return this.#options.isRunning(peer, call) || this.#ended.knows(peer, call, performance.now())
  }

  #frame(subject: string): void {
    const { peer, call } = partsOf(subject)
    const now = performance.now()
    if (now < this.#judgesFrom || this.#isOurs(peer, call) || this.#elsewhere.knows(peer, call, now)) return
    const asked = this.#asked.get(peer) ?? new Map<string, number>()
    const before = asked.get(call)
    if (before !== undefined) asked.set(call, before + 1)
    else if (asked.size >= MOST_ASKED) this.#options.onStray(subject, 1)
    else {
      asked.set(call, 1)
      this.#asked.set(peer, asked)
      void this.#judge(subject, peer, call, asked)
    }
  }

  /** Never rejects. */
  async #judge(subject: string, peer: string, call: string, asked: Map<string, number>): Promise<void> {
    const isServed = await this.#isClaimed(subject)
    const count = asked.get(call) ?? 0
    asked.delete(call)
    if (asked.size === 0) this.#asked.delete(peer)
    if (isServed === true) this.#elsewhere.note(peer, call, performance.now())
    if (isServed === false) this.#options.onStray(subject, count)
  }

  /** `undefined` when nobody can be asked. */
  async #isClaimed(subject: string): Promise<boolean | undefined> {
    const { signal } = this.#stop
    try {
      await this.#bus.request(subjects.serving(subject), '', { timeoutMs: CLAIM_MS, signal })
      return true
    } catch (thrown) {
      const silent = thrown instanceof SpecfleetError && thrown.code === 'bus.timeout'
      return silent && this.#bus.connected ? false : undefined
    }
  }
}

/** Of `sf.<family>.<runId>.<epoch>.<service>.<call>`. */
function partsOf(subject: string): { peer: string; call: string } {
  const [, , runId = '', epoch = '', , call = ''] = subject.split('.')
  return { peer: `${runId}.${epoch}`, call }
}
