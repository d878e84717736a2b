import type { Socket } from 'node:net'
import * as z from 'zod'
import { type ControlRequest, lineReader } from './control-protocol.ts'

/** A sandbox's wire, as the forwarder sees it. */
const Status = z.object({ name: z.string(), connections: z.number(), refused: z.number() })
const Reply = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), pid: z.number().int(), wires: z.array(Status).optional() }),
  z.object({ ok: z.literal(false), error: z.string() }),
])
export type Reply = z.infer<typeof Reply>
const Refused = z.object({
  event: z.literal('refused'),
  name: z.string(),
  by: z.enum(['bus', 'wire']),
  count: z.number().int().min(1),
  lastReason: z.string(),
})
export type Refused = z.infer<typeof Refused>
export type Answer = Extract<Reply, { ok: true }>
export type Status = z.infer<typeof Status>

const ANSWER_LIMIT_MS = 10_000

/** One connection to the control socket; answers come in the order of the requests, what the forwarder says of itself in between. */
export class ControlLine {
  readonly #socket: Socket
  readonly #waiting: ((reply: Reply | undefined) => void)[] = []
  pid = 0

  constructor(socket: Socket, onRefused: (refused: Refused) => void) {
    this.#socket = socket
    socket.setEncoding('utf8')
    socket.on(
      'data',
      lineReader(
        Number.POSITIVE_INFINITY,
        (line) => {
          const said = parseLine(line)
          if ('event' in said) onRefused(said)
          else this.#waiting.shift()?.(said)
        },
        () => {},
      ),
    )
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      for (const settle of this.#waiting.splice(0)) settle(undefined)
    })
  }

  known(pid: number): this {
    this.pid = pid
    return this
  }

  /** `undefined` when the connection was lost, or no answer came in time: then it is given up. */
  ask(request: ControlRequest): Promise<Reply | undefined> {
    if (this.#socket.closed) return Promise.resolve(undefined)
    return new Promise((resolve) => {
      const limit = setTimeout(() => this.#socket.destroy(), ANSWER_LIMIT_MS)
      this.#waiting.push((reply) => {
        clearTimeout(limit)
        resolve(reply)
      })
      this.#socket.write(`${JSON.stringify(request)}\n`)
    })
  }

  onClose(run: () => void): void {
    if (this.#socket.closed) run()
    else this.#socket.once('close', run)
  }

  end(): void {
    this.#socket.destroy()
  }
}

function parseLine(line: string): Reply | Refused {
  try {
    return z.union([Refused, Reply]).parse(JSON.parse(line))
  } catch (error) {
    return { ok: false, error: `its answer is none: ${error instanceof Error ? error.message : String(error)}` }
  }
}
