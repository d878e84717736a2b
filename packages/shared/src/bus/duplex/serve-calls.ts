import { SpecfleetError, type WireError } from '../../contract/errors.ts'
import { Epoch, RunId } from '../../contract/ids.ts'
import { subjects } from '../../contract/subjects.ts'
import type { Bus, BusMessage } from '../connection.ts'
import { pause } from '../retry.ts'
import {
  type CallAnswer,
  type CallServer,
  DEFAULT_IDLE_MS,
  DEFAULT_LATE_MS,
  DEFAULT_WINDOW_BYTES,
  type ServeCallsOptions,
} from './call.ts'
import { Channel, inlineBytes, placeMeta } from './channel.ts'
import { clampWindow } from './flow.ts'
import { type Acceptance, decodeFrame, decodeHead, OpenHead, type PeerTerms } from './frames.ts'
import { Strays } from './strays.ts'

const MOST_CALLS = 256
const MOST_CALLS_PER_PEER = 16
/** How long disposal waits for handlers whose signal has fired. */
const FAREWELL_MS = 5_000
const EMPTY = new Uint8Array()

type Opened = { subject: string; peer: string; down: string; head: OpenHead; body: Uint8Array }

/**
 * Serves calls until disposed. Invariants:
 *
 * 1. Nothing a peer sends makes it throw; what is refused is answered, and told to `onRefused`, as is a
 *    call that breaks the rules later, and what comes for calls that nobody serves.
 * 2. Where frames go follows from the subject a call came on, never from what it says.
 * 3. A call counts against its limits until its handler has returned, also after a cancel.
 */
export function serveCalls(bus: Bus, options: ServeCallsOptions): CallServer {
  const server = new Server(bus, options)
  return {
    get active() {
      return server.active
    },
    [Symbol.asyncDispose]: () => server.stop(),
  }
}

class Server {
  readonly #bus: Bus
  readonly #options: ServeCallsOptions
  readonly #terms: PeerTerms
  readonly #running = new Map<string, { peer: string; channel: Channel; finished: Promise<void> }>()
  readonly #perPeer = new Map<string, number>()
  readonly #subscription: { unsubscribe(): void }
  readonly #strays: Strays

  constructor(bus: Bus, options: ServeCallsOptions) {
    this.#bus = bus
    this.#options = options
    this.#terms = {
      windowBytes: clampWindow(options.windowBytes ?? DEFAULT_WINDOW_BYTES),
      idleMs: options.idleMs ?? DEFAULT_IDLE_MS,
    }
    this.#subscription = bus.subscribe(options.subject, (message) => this.#open(message), {
      ...(options.queue === undefined ? {} : { queue: options.queue }),
      onError: (thrown) => options.onError?.(options.subject, thrown),
    })
    this.#strays = new Strays(bus, {
      frames: `${options.subject}.*`,
      queue: options.queue,
      lateMs: options.lateMs ?? DEFAULT_LATE_MS,
      isRunning: (peer, call) => this.#running.has(`${peer}.${call}`),
      onStray: (subject, count) => options.onRefused?.(subject, 'a frame of a call that nobody serves', count),
    })
  }

  get active(): number {
    return this.#running.size
  }

  async stop(): Promise<void> {
    this.#subscription.unsubscribe()
    this.#strays[Symbol.dispose]()
    const stopping = new SpecfleetError('duplex.cancelled', 'the server of the call stops')
    const running = [...this.#running.values()]
    for (const { channel } of running) channel.fail(stopping, stopping.toWire())
    const gone = new AbortController()
    const farewell = Promise.all(running.map(({ finished }) => finished)).finally(() => gone.abort())
    await Promise.race([farewell, pause(FAREWELL_MS, gone.signal)])
  }

  #open(message: BusMessage): void {
    const opened = readOpening(message)
    const refusal = opened === undefined ? 'the opening frame was malformed' : this.#refusal(opened)
    if (opened === undefined || refusal !== undefined) {
      const error = new SpecfleetError('duplex.refused', refusal)
      answer(message, { ok: false, error: error.toWire() })
      if (opened !== undefined) this.#strays.ended(opened.peer, opened.head.call)
      this.#options.onRefused?.(message.subject, error.message, 1)
      return
    }
    const channel = new Channel(this.#bus, { ...this.#terms, to: opened.down, sent: 0, received: 1 })
    const frames = this.#bus.subscribe(`${opened.subject}.${opened.head.call}`, (frame) => channel.receive(frame.data))
    channel.inbound.pushFirst(opened.body)
    if (opened.head.end) channel.inbound.end()
    channel.start(opened.head)
    const finished = this.#run(channel, opened).finally(() => {
      frames.unsubscribe()
      this.#forget(opened)
    })
    this.#remember(opened, channel, finished)
    answer(message, { ok: true, ...this.#terms })
  }

  #refusal({ peer, head }: Opened): string | undefined {
    const { maxCalls = MOST_CALLS, maxCallsPerPeer = MOST_CALLS_PER_PEER } = this.#options
    if (this.#running.has(`${peer}.${head.call}`)) return 'there is such a call already'
    if (this.#running.size >= maxCalls) return `${maxCalls} calls are being served`
    if ((this.#perPeer.get(peer) ?? 0) >= maxCallsPerPeer)
      return `${maxCallsPerPeer} calls of this sandbox are being served`
    return undefined
  }

  /** One call from its opening to its end. Never rejects. */
  async #run(channel: Channel, { subject, head }: Opened): Promise<void> {
    try {
      const meta = head.metaBytes === undefined ? head.meta : await channel.inbound.readMeta(head.metaBytes)
      const { inbound, heard, signal } = channel
      const call = { subject, call: head.call, meta, body: inbound.stream, heard, signal }
      await this.#answer(channel, await this.#options.handler(call))
      channel.finish()
    } catch (thrown) {
      channel.fail(thrown, this.#tellable(subject, thrown, channel))
    }
    await channel.done
    const { failure } = channel
    if (failure instanceof SpecfleetError && failure.code === 'duplex.broken')
      this.#options.onRefused?.(subject, failure.message, 1)
  }

  async #answer(channel: Channel, { meta, body = EMPTY }: CallAnswer): Promise<void> {
    const limit = inlineBytes(this.#bus)
    const { head, first } = placeMeta(meta, limit)
    if (body instanceof Uint8Array && first.length === 0 && body.length <= limit) {
      channel.sendHead({ ...head, end: true }, body)
      return
    }
    channel.sendHead({ ...head, end: false }, EMPTY)
    await channel.sendBodies([first, body])
  }

  /** A peer learns what the catalogue says of an error; what else was thrown may hold secrets. */
  #tellable(subject: string, thrown: unknown, channel: Channel): WireError {
    if (thrown instanceof SpecfleetError) return thrown.toWire()
    if (!channel.failed) this.#options.onError?.(subject, thrown)
    return new SpecfleetError('internal').toWire()
  }

  #remember({ peer, head }: Opened, channel: Channel, finished: Promise<void>): void {
    this.#running.set(`${peer}.${head.call}`, { peer, channel, finished })
    this.#perPeer.set(peer, (this.#perPeer.get(peer) ?? 0) + 1)
  }

  #forget({ peer, head }: Opened): void {
    this.#running.delete(`${peer}.${head.call}`)
    this.#strays.ended(peer, head.call)
    const left = (this.#perPeer.get(peer) ?? 1) - 1
    if (left > 0) this.#perPeer.set(peer, left)
    else this.#perPeer.delete(peer)
  }
}

function answer(message: BusMessage, acceptance: Acceptance): void {
  message.respond(JSON.stringify(acceptance))
}

/** `undefined` when it is no opening frame on a desk's subject. Never throws. */
function readOpening({ subject, data }: BusMessage): Opened | undefined {
  const [root, family, run, count, service, ...rest] = subject.split('.')
  if (root !== 'sf' || family !== 'desk' || service === undefined || rest.length > 0) return undefined
  const [runId, epoch] = [RunId.safeParse(run), Epoch.safeParse(Number(count))]
  const frame = decodeFrame(data)
  if (!runId.success || !epoch.success || frame?.kind !== 'open' || frame.seq !== 0) return undefined
  const opening = decodeHead(frame.payload, OpenHead)
  if (opening === undefined) return undefined
  const down = subjects.down(runId.data, epoch.data, opening.head.call)
  return { subject, peer: `${run}.${count}`, down, ...opening }
}
