import type { Socket } from 'node:net'
import type { HeardConversations } from './conversations.ts'
import type { Piece } from './frames.ts'
import { DROP, Lane, PASS, STAND, type Verdict } from './lane.ts'
import { type Message, readMessage } from './message.ts'
import { nameMessage } from './name.ts'
import { readSpeaker, type Speaker } from './speaker.ts'
import type { Arrival, Stops } from './stops.ts'

export type Shared = {
  readonly stops: Stops
  readonly conversations: HeardConversations
  /** Told of what a client publishes without a name. */
  readonly onNameless?: ((subject: string) => void) | undefined
}

const PING = 'PING\r\n'

/**
 * One client and the server, with the relay between. Invariants:
 *
 * 1. What passes, passes unchanged and in order; nothing is added that either side could see.
 * 2. Whoever stands, stands whole: neither direction moves until it is released or cut.
 * 3. When one side ends, the other does; what stands before a side that is gone is lost.
 */
export class Connection {
  readonly closed: Promise<void>
  readonly #client: Socket
  readonly #server: Socket
  readonly #shared: Shared
  readonly #up: Lane
  readonly #down: Lane
  /** Who waits for the server's next answers to a ping: it answers them in order. */
  readonly #pings: ('client' | 'relay')[] = []
  #speaker: Speaker = { kind: 'other', name: '' }
  #arrival: Arrival | undefined
  /** Subject of the answer that is to be withheld. */
  #withheld: string | undefined

  constructor(client: Socket, server: Socket, shared: Shared) {
    this.#client = client
    this.#server = server
    this.#shared = shared
    this.#up = new Lane(client, server, (piece) => this.#goesUp(piece))
    this.#down = new Lane(server, client, (piece) => this.#goesDown(piece))
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      socket.setNoDelay(true)
      // What is wrong with a socket is followed by its end, which is all that matters here.
      socket.on('error', () => socket.destroy())
      socket.on('close', () => {
        this.#arrival?.gone()
        this.#arrival = undefined
        other.destroySoon()
      })
    }
    this.closed = Promise.all([closing(client), closing(server)]).then(() => undefined)
  }

  /** Ends it without a word. */
  destroy(): void {
    this.#client.destroy()
    this.#server.destroy()
  }

  #goesUp(piece: Piece): Verdict {
    const verb = piece.frame?.verb
    if (verb === 'CONNECT') this.#speaker = readSpeaker(piece.frame?.args ?? '')
    if (verb === 'PING') this.#pings.push('client')
    const message = verb === 'PUB' || verb === 'HPUB' ? readMessage(piece) : undefined
    return message === undefined ? PASS : this.#published(message)
  }

  #published(message: Message): Verdict {
    const { stops, conversations, onNameless } = this.#shared
    const named = nameMessage(message, this.#speaker, conversations)
    if (named === undefined) {
      onNameless?.(message.subject)
      return PASS
    }
    const arrival = stops.meet(named)
    if (arrival === undefined) return PASS
    this.#arrival = arrival
    if (arrival.point.side === 'before') {
      this.#down.stand()
      this.#stands()
      return STAND
    }
    this.#withheld = message.reply
    return { kind: 'pass-and-stand', behind: () => this.#askWhetherTaken(message) }
  }

  /** The server answers a ping behind all that it was sent before. */
  #askWhetherTaken({ reply }: Message): void {
    if (reply !== undefined) return
    this.#pings.push('relay')
    this.#server.write(PING)
  }

  #goesDown(piece: Piece): Verdict {
    const verb = piece.frame?.verb
    if (verb === 'PONG' && this.#pings.shift() === 'relay') {
      this.#down.stand()
      this.#stands()
      return DROP
    }
    const message = verb === 'MSG' || verb === 'HMSG' ? readMessage(piece) : undefined
    if (message === undefined) return PASS
    this.#shared.conversations.deliver(message)
    if (this.#withheld === undefined || message.subject !== this.#withheld) return PASS
    this.#withheld = undefined
    this.#stands()
    return STAND
  }

  #stands(): void {
    const arrival = this.#arrival
    this.#arrival = undefined
    if (arrival === undefined) return
    arrival.stands({
      point: arrival.point,
      by: this.#speaker,
      release: () => {
        this.#down.resume()
        this.#up.resume()
      },
      cut: () => {
        // What passed before is still on its way to the server, and arrives.
        this.#server.destroySoon()
        this.#client.destroy()
      },
    })
  }
}

const closing = (socket: Socket): Promise<void> => new Promise((resolve) => void socket.once('close', () => resolve()))
