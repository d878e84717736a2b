import { setTimeout as pause } from 'node:timers/promises'
import {
  type Bus,
  type ControlMessage,
  ControlMessage as ControlMessageSchema,
  connectBus,
  type DeskService,
  hostNowMs,
  MessageId,
  type NewFact,
  NO_USAGE,
  newId,
  openCall,
  openWorkerLog,
  parseSandboxEnv,
  ResumeState,
  type SandboxEnv,
  SpecfleetError,
  storeTurn,
  subjects,
  untilNextBeatMs,
} from '@specfleet/shared'

/** What a script can do: what a real worker may do, and what it may not. */
export type ScriptedWorker = {
  readonly env: SandboxEnv
  readonly bus: Bus
  /** Aborts when the sandbox is killed. */
  readonly killed: AbortSignal
  /** Starts to beat, every 100 ms or as real workers do; `onBeat` is called behind each beat. */
  beat(rhythm?: 'quick' | 'real', onBeat?: () => void): void
  stopBeating(): void
  /** Resolves with the fact's sequence in the log. */
  state(fact: NewFact): Promise<number>
  /** Stores the next turn of a conversation and resolves when it is acknowledged. */
  turn(number: number, conversation?: string): Promise<void>
  resume(): Promise<ResumeState>
  ask(service: DeskService, meta: unknown, body?: Uint8Array): Promise<{ meta: unknown; body: Uint8Array }>
  /** The next control message; confirmed when it comes. */
  order(): Promise<ControlMessage>
}

const QUICK_BEATS_MS = 100
/** Real workers beat at the same moment, and then have to take turns on the cores of their host. */
const BEATS_LATE_MS = 15

/** Resolves with the exit code. */
export type Script = (worker: ScriptedWorker) => Promise<number>

/** Speaks the wire of a worker, without a sandbox around it. Resolves with its exit code. */
export async function runScriptedWorker(
  variables: Readonly<Record<string, string>>,
  script: Script,
  killed: AbortSignal,
): Promise<number> {
  const env = parseSandboxEnv(variables)
  const creds = Buffer.from(env.BUS_CREDS_B64 ?? '', 'base64').toString('utf8')
  await using bus = await connectBus({ url: env.BUS_URL, creds, name: `scripted ${env.SANDBOX_ID}` })
  await using worker = new Scripted(env, bus, killed)
  return await Promise.race([script(worker), whenAborted(killed)])
}

class Scripted implements ScriptedWorker, AsyncDisposable {
  readonly env: SandboxEnv
  readonly bus: Bus
  readonly killed: AbortSignal
  #seq = 0
  #beats = 0
  #heart: NodeJS.Timeout | undefined
  readonly #orders: ControlMessage[] = []
  #wanted: ((order: ControlMessage) => void) | undefined

  constructor(env: SandboxEnv, bus: Bus, killed: AbortSignal) {
    this.env = env
    this.bus = bus
    this.killed = killed
    bus.subscribe(subjects.control(env.RUN_ID, env.RUN_EPOCH), (message) => {
      const order = ControlMessageSchema.parse(message.json())
      bus.publishJson(subjects.taken(env.RUN_ID, env.RUN_EPOCH), { id: order.id })
      const wanted = this.#wanted
      this.#wanted = undefined
      if (wanted === undefined) this.#orders.push(order)
      else wanted(order)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stopBeating()
  }

  get #scope() {
    return { specId: this.env.SPEC_ID, runId: this.env.RUN_ID, epoch: this.env.RUN_EPOCH }
  }

  beat(rhythm: 'quick' | 'real' = 'quick', onBeat: () => void = () => {}): void {
    if (this.#heart !== undefined) return
    const late = Math.random() * BEATS_LATE_MS
    const untilNext = () => (rhythm === 'quick' ? QUICK_BEATS_MS : untilNextBeatMs(hostNowMs()) + late)
    const once = () => {
      this.#heart = setTimeout(once, untilNext())
      if (!this.bus.connected) return
      const at = new Date().toISOString()
      const beat = { seq: this.#beats++, phase: this.env.SPEC_PHASE ?? null, turn: 0, at }
      this.bus.publishJson(subjects.beat(this.env.RUN_ID, this.env.RUN_EPOCH), beat)
      onBeat()
    }
    once()
  }

  stopBeating(): void {
    clearTimeout(this.#heart)
    this.#heart = undefined
  }

  async state(fact: NewFact): Promise<number> {
    this.#seq += 1
    const envelope = {
      v: 1 as const,
      id: MessageId.parse(newId()),
      ...this.#scope,
      seq: this.#seq,
      by: 'worker' as const,
    }
    const at = new Date().toISOString()
    const whole = { ...envelope, at, type: fact.type, data: fact.data }
    const { seq } = await openWorkerLog(this.bus).append(whole, { signal: this.killed })
    return seq
  }

  async turn(number: number, conversation = 'plain'): Promise<void> {
    await storeTurn(
      this.bus,
      this.#scope,
      {
        v: 1,
        turn: number,
        conversation,
        phase: null,
        attempt: 1,
        messages: [{ role: 'assistant', content: `turn ${number} of epoch ${this.env.RUN_EPOCH}` }],
        usage: { ...NO_USAGE, turns: 1 },
      },
      { signal: this.killed },
    )
  }

  async resume(): Promise<ResumeState> {
    return ResumeState.parse((await this.ask('resume', {})).meta)
  }

  async ask(service: DeskService, meta: unknown, body?: Uint8Array): Promise<{ meta: unknown; body: Uint8Array }> {
    for (;;) {
      try {
        return await this.#askOnce(service, meta, body)
      } catch (error) {
        // After an outage of the bus its desk may come back later than we do.
        if (!(error instanceof SpecfleetError) || error.code !== 'duplex.refused') throw error
        await pause(20, undefined, { signal: this.killed })
      }
    }
  }

  async #askOnce(service: DeskService, meta: unknown, body?: Uint8Array): Promise<{ meta: unknown; body: Uint8Array }> {
    const { RUN_ID: runId, RUN_EPOCH: epoch } = this.env
    const call = newId()
    const to = {
      open: subjects.desk(runId, epoch, service),
      up: subjects.deskFrames(runId, epoch, service, call),
      down: subjects.down(runId, epoch, call),
      call,
    }
    const request = body === undefined ? { meta } : { meta, body }
    const answer = await openCall(this.bus, to, request, { signal: this.killed })
    return { meta: answer.meta, body: new Uint8Array(await new Response(answer.body).arrayBuffer()) }
  }

  order(): Promise<ControlMessage> {
    const waiting = this.#orders.shift()
    if (waiting !== undefined) return Promise.resolve(waiting)
    return new Promise((resolve) => {
      this.#wanted = resolve
    })
  }
}

const whenAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })

/** Boots, takes one turn and says it is done. */
export const deliver: Script = async (worker) => {
  worker.beat()
  await worker.state({ type: 'run.ready', data: { bootMs: 1, worker: 'scripted', path: 'plain' } })
  await worker.resume()
  await worker.turn(1)
  await worker.state({ type: 'run.delivered', data: { outcome: 'done', usage: { ...NO_USAGE, turns: 1 } } })
  return 0
}

/** Boots, beats, and works until it is told to end. */
export const workUntilTold: Script = async (worker) => {
  worker.beat()
  await worker.state({ type: 'run.ready', data: { bootMs: 1, worker: 'scripted', path: 'plain' } })
  const { id: controlId, command } = await worker.order()
  await worker.state({ type: 'agent.steered', data: { controlId, command } })
  const outcome = command === 'cancel' ? 'cancelled' : command === 'pause' ? 'paused' : 'drained'
  await worker.state({ type: 'run.delivered', data: { outcome, usage: NO_USAGE } })
  return 0
}
