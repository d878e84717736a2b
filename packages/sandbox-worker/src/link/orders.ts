import type { ControlMessage, MessageId } from '@specfleet/shared/boot'
import type { StopOrder } from '../agent/stop.ts'

export type Steer = { readonly id: MessageId; readonly text: string }
/** An order to stop; without an id it came as a signal of the system, not over the bus. */
export type Stop = { readonly command: StopOrder; readonly id?: MessageId }

/** Unheard steers kept at a time; with more, the oldest goes. */
const MAX_STEERS = 64
const MAX_KNOWN = 1024

/**
 * What the worker was told and has not heeded yet. Orders are heeded at the boundaries of tool calls;
 * only a cancellation also interrupts a model call, since nothing of the run is wanted any more.
 */
export class Orders {
  readonly #cancel = new AbortController()
  readonly #known = new Set<string>()
  #stop: Stop | undefined
  #steers: Steer[] = []

  /** The most drastic order so far. */
  get stop(): Stop | undefined {
    return this.#stop
  }

  /** Fires with a cancellation. */
  get cancelled(): AbortSignal {
    return this.#cancel.signal
  }

  /** `false` for a repetition. */
  take(message: ControlMessage): boolean {
    if (this.#known.has(message.id)) return false
    if (this.#known.size >= MAX_KNOWN) this.#known.clear()
    this.#known.add(message.id)
    if (message.command === 'steer') this.#steers = [...this.#steers, message].slice(-MAX_STEERS)
    else this.order({ command: message.command, id: message.id })
    return true
  }

  order(stop: Stop): void {
    // A cancellation outranks a pause or a drain; of those two the first stands.
    if (this.#stop === undefined || (stop.command === 'cancel' && this.#stop.command !== 'cancel')) this.#stop = stop
    if (stop.command === 'cancel') this.#cancel.abort(new Error('the run was cancelled'))
  }

  /** Takes the steers that wait; whoever takes them has to make them heard. */
  takeSteers(): readonly Steer[] {
    const steers = this.#steers
    this.#steers = []
    return steers
  }
}
