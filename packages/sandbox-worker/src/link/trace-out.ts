import { type Bus, type NewTrace, newId, subjects } from '@specfleet/shared/boot'
import type { Scope } from './scope.ts'

/** Longest text in one trace event, in characters; the rest is cut away. */
const MAX_TEXT = 16 * 1024
/** Events a second, so that a talkative agent is no flood. */
export const TRACE_RATE = 100

type Level = 'debug' | 'info' | 'warn' | 'error'
const LEVELS: readonly Level[] = ['debug', 'info', 'warn', 'error']

/**
 * Chatter on its way out. Nothing is decided by it, so nothing is kept: what comes while the bus is
 * away, or too fast, is dropped and counted, and the count is said with the next one that passes.
 */
export class TraceOut {
  readonly #bus: Pick<Bus, 'connected' | 'publishJson'>
  readonly #scope: Scope
  readonly #now: () => Date
  readonly #level: number
  #seq = 0
  #dropped = 0
  #window = { second: 0, sent: 0 }

  constructor(bus: Pick<Bus, 'connected' | 'publishJson'>, options: { scope: Scope; now: () => Date; level: Level }) {
    this.#bus = bus
    this.#scope = options.scope
    this.#now = options.now
    this.#level = LEVELS.indexOf(options.level)
  }

  emit(trace: NewTrace): void {
    if (trace.type === 'log.line' && LEVELS.indexOf(trace.data.level) < this.#level) return
    if (!this.#bus.connected || !this.#admit()) {
      this.#dropped += 1
      return
    }
    if (this.#dropped > 0) {
      const text = `${this.#dropped} trace events were dropped`
      this.#dropped = 0
      this.#publish({ type: 'log.line', data: { level: 'warn', text } })
    }
    this.#publish(trace)
  }

  log(level: Level, text: string): void {
    this.emit({ type: 'log.line', data: { level, text } })
  }

  #admit(): boolean {
    const second = Math.floor(this.#now().getTime() / 1000)
    if (second !== this.#window.second) this.#window = { second, sent: 0 }
    this.#window.sent += 1
    return this.#window.sent <= TRACE_RATE
  }

  #publish(trace: NewTrace): void {
    this.#seq += 1
    const { data } = trace
    this.#bus.publishJson(subjects.trace(this.#scope, trace.type), {
      v: 1,
      id: newId(),
      type: trace.type,
      ...this.#scope,
      seq: this.#seq,
      at: this.#now().toISOString(),
      by: 'worker',
      data: 'text' in data && typeof data.text === 'string' ? { ...data, text: cut(data.text) } : data,
    })
  }
}

const cut = (text: string): string => (text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT - 1)}…`)
