import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { offlineUpstream } from '../../orchestrator/src/gateway/upstreams/offline/offline-upstream.ts'

/** One model call as it came. */
export type Call = {
  readonly specId: string
  /** The same for the same request. */
  readonly fingerprint: string
}

/** What calls of one spec stand before. */
export type Gate = {
  /** Settles when a call stands before it. */
  readonly reached: Promise<void>
  /** Lets through those that stand there and all that come. */
  open(): void
}

/** The offline planner behind HTTP, which a test can make wait. */
export type GatedModel = AsyncDisposable & {
  /** Variables by which orchestrators reach it. */
  readonly env: Readonly<Record<string, string>>
  callsOf(specId: string): readonly Call[]
  /** Puts a gate before the nth call of that spec, counted from 1, and those behind it. One that is made again is the same. */
  gate(specId: string, nth: number): Gate
}

/** Starts the model on a free port of 127.0.0.1. */
export async function startGatedModel(): Promise<GatedModel> {
  const upstream = offlineUpstream()
  const calls: Call[] = []
  const gates = new Set<{ specId: string; nth: number; reached: () => void; opened: Promise<void> }>()
  const callsOf = (specId: string) => calls.filter((call) => call.specId === specId)

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = Buffer.concat(await Array.fromAsync(request))
    const call = { specId: specOf(body), fingerprint: createHash('sha256').update(body).digest('hex') }
    calls.push(call)
    const count = new Set(callsOf(call.specId).map(({ fingerprint }) => fingerprint)).size
    for (const gate of gates) {
      if (gate.specId !== call.specId || count < gate.nth) continue
      gate.reached()
      await gate.opened
    }
    const gone = new AbortController()
    response.once('close', () => gone.abort(new Error('the caller went away')))
    const { method = '', url = '' } = request
    const reply = await upstream.fetch({ method, path: url, headers: {}, body: new Uint8Array(body) }, gone.signal)
    response.writeHead(reply.status, reply.headers)
    await pipeline(Readable.fromWeb(reply.body), response)
  }

  const server = createServer((request, response) => {
    // Whoever called may be dead by now; for others a broken connection says enough.
    answer(request, response).catch((cause: Error) => response.destroy(cause))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the model has no port')
  return {
    env: { MODEL_UPSTREAM: 'anthropic', ANTHROPIC_BASE_URL: `http://127.0.0.1:${address.port}` },
    callsOf,
    gate(specId, nth) {
      const reached = Promise.withResolvers<void>()
      const opened = Promise.withResolvers<void>()
      const gate = { specId, nth, reached: reached.resolve, opened: opened.promise }
      gates.add(gate)
      const open = () => {
        gates.delete(gate)
        opened.resolve()
      }
      return { reached: reached.promise, open }
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Prompts name the spec they are about. */
const specOf = (body: Buffer): string => /<spec id=\\"([^"\\]+)\\"/.exec(body.toString('utf8'))?.[1] ?? ''

/** Model calls that were made again: turns that were paid twice. */
export const paidTwice = (calls: readonly Call[]): number =>
  calls.length - new Set(calls.map(({ fingerprint }) => fingerprint)).size
