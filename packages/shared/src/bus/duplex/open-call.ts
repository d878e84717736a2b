import { SpecfleetError } from '../../contract/errors.ts'
import { MessageId } from '../../contract/ids.ts'
import type { Bus, BusMessage } from '../connection.ts'
import { parseJson } from '../json.ts'
import { type CallAddress, type CallBody, DEFAULT_IDLE_MS, DEFAULT_WINDOW_BYTES, type OpenCallOptions } from './call.ts'
import { Channel, inlineBytes, placeMeta } from './channel.ts'
import { wireToError } from './errors.ts'
import { clampWindow } from './flow.ts'
import { Acceptance, AnswerHead, decodeHead, encodeFrame, encodeHead, type PeerTerms } from './frames.ts'

const EMPTY = new Uint8Array()

/**
 * Opens a call and resolves with the head of its answer; the answer's body errors itself
 * with the signal's reason when the signal fires.
 * @throws SpecfleetError `duplex.refused`, `duplex.stalled`, `duplex.broken`, `duplex.cancelled`, or the peer's own.
 */
export async function openCall(
  bus: Bus,
  to: CallAddress,
  request: { meta: unknown; body?: CallBody },
  options: OpenCallOptions = {},
): Promise<{ meta: unknown; body: ReadableStream<Uint8Array> }> {
  const { signal } = options
  signal?.throwIfAborted()
  const idleMs = options.idleMs ?? DEFAULT_IDLE_MS
  const windowBytes = clampWindow(options.windowBytes ?? DEFAULT_WINDOW_BYTES)
  const { frame, rest } = opening(bus, to.call, request, { windowBytes, idleMs })
  const headCame = Promise.withResolvers<Uint8Array>()
  const channel = new Channel(bus, { to: to.up, windowBytes, idleMs, sent: 1, received: 0, onHead: headCame.resolve })
  const down = bus.subscribe(to.down, (message) => channel.receive(message.data))
  const onAbort = (): void => {
    channel.fail(signal?.reason, CANCELLED)
    channel.inbound.fail(signal?.reason)
  }
  signal?.addEventListener('abort', onAbort, { once: true })
  const unsubscribed = channel.done.then(() => down.unsubscribe())
  const cleaned = Promise.all([unsubscribed, channel.inbound.settled]).then(() =>
    signal?.removeEventListener('abort', onAbort),
  )
  try {
    channel.start(await unlessFailed(channel, accepted(bus, to.open, frame, idleMs, signal)))
    // Until we say something, who serves us cannot know that we heard of it.
    if (rest.length > 0) void channel.sendBodies(rest)
    else channel.ping()
    const { head, body } = readHead(await unlessFailed(channel, headCame.promise))
    channel.inbound.pushFirst(body)
    const meta = head.metaBytes === undefined ? head.meta : await channel.inbound.readMeta(head.metaBytes)
    if (head.end) {
      channel.inbound.end()
      channel.finish()
    }
    return { meta, body: channel.inbound.stream }
  } catch (thrown) {
    const error = channel.failed ? channel.failure : thrown
    channel.fail(error, CANCELLED)
    channel.inbound.fail(error)
    await cleaned
    throw error
  }
}

const CANCELLED = new SpecfleetError('duplex.cancelled').toWire()

/** The value, or the channel's failure if that comes first. */
async function unlessFailed<T>(channel: Channel, value: Promise<T>): Promise<T> {
  const ended = channel.done.then(() => undefined)
  const winner = await Promise.race([value.then((came) => ({ came })), ended])
  if (winner !== undefined) return winner.came
  if (channel.failed) throw channel.failure
  // The call ended well in the same moment, so the value is there.
  return value
}

async function accepted(
  bus: Bus,
  subject: string,
  frame: Uint8Array,
  idleMs: number,
  signal: AbortSignal | undefined,
): Promise<PeerTerms> {
  let reply: BusMessage
  try {
    reply = await bus.request(subject, frame, { timeoutMs: idleMs, ...(signal && { signal }) })
  } catch (thrown) {
    throw openingError(thrown)
  }
  const acceptance = Acceptance.safeParse(parseJson(reply.data))
  if (!acceptance.success) throw new SpecfleetError('duplex.broken', 'the answer to the opening frame was malformed')
  if (!acceptance.data.ok) throw wireToError(acceptance.data.error)
  return acceptance.data
}

function openingError(thrown: unknown): unknown {
  if (!(thrown instanceof SpecfleetError)) return thrown
  if (thrown.code === 'bus.unreachable') return new SpecfleetError('duplex.refused', thrown.message, { cause: thrown })
  if (thrown.code === 'bus.timeout') return new SpecfleetError('duplex.stalled', thrown.message, { cause: thrown })
  return thrown
}

function readHead(payload: Uint8Array): { head: AnswerHead; body: Uint8Array } {
  const head = decodeHead(payload, AnswerHead)
  if (head === undefined) throw new SpecfleetError('duplex.broken', 'the head of the answer was malformed')
  return head
}

function opening(
  bus: Bus,
  call: string,
  { meta, body = EMPTY }: { meta: unknown; body?: CallBody },
  terms: PeerTerms,
): { frame: Uint8Array; rest: CallBody[] } {
  const limit = inlineBytes(bus)
  const { head, first } = placeMeta(meta, limit)
  const inline = body instanceof Uint8Array && first.length === 0 && body.length <= limit
  const open = { ...head, ...terms, v: 1 as const, call: MessageId.parse(call), end: inline }
  const payload = encodeHead(open, inline ? body : EMPTY)
  return { frame: encodeFrame({ kind: 'open', seq: 0, payload }), rest: inline ? [] : [first, body] }
}
