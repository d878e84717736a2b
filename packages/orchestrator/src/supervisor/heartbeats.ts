import type { Beat, SandboxId } from '@specfleet/shared'
import type { Clock } from '../clock.ts'
import type { Deafness } from './hearing.ts'

export type HeartbeatLimits = {
  /** Silence after which a worker that has spoken counts as lost. */
  readonly beatMs: number
  /** The same for one that has not spoken yet, or not since we hear again: it may be booting, or finding the bus. */
  readonly bootMs: number
}

type Pulse = {
  heardAt: number
  /** Its first beat, or the first since we hear again, is still to come. */
  awaited: boolean
  last: Beat | undefined
}

/**
 * Who is late, and by how much, measured on our own clock only. While we cannot hear
 * (the bus is away, or this very process was not scheduled) nobody becomes late.
 */
export class Heartbeats {
  readonly #pulses = new Map<SandboxId, Pulse>()
  readonly #clock: Clock
  readonly #limits: HeartbeatLimits
  #deaf = false

  constructor(collaborators: { clock: Clock }, limits: HeartbeatLimits) {
    this.#clock = collaborators.clock
    this.#limits = limits
  }

  /** Starts to listen for a sandbox; repeating it changes nothing. */
  expect(id: SandboxId): void {
    if (!this.#pulses.has(id))
      this.#pulses.set(id, { heardAt: this.#clock.monotonic(), awaited: true, last: undefined })
  }

  /** @returns how many beats were lost on their way, as their count tells; 0 behind a time in which we heard nothing */
  heard(id: SandboxId, beat: Beat): number {
    const pulse = this.#pulses.get(id)
    if (pulse === undefined) return 0
    const missed = pulse.awaited || pulse.last === undefined ? 0 : Math.max(0, beat.seq - pulse.last.seq - 1)
    pulse.heardAt = this.#clock.monotonic()
    pulse.awaited = false
    pulse.last = beat
    return missed
  }

  forget(id: SandboxId): void {
    this.#pulses.delete(id)
  }

  /** We hear nothing for reasons of our own. */
  deafen(): void {
    this.#deaf = true
  }

  /**
   * We hear again, and everybody's silence begins anew. After an outage it may last as long as a boot, since they
   * have to find the bus again too; when only we stood still, they went on beating.
   */
  listen(after: Deafness): void {
    this.#deaf = false
    const now = this.#clock.monotonic()
    for (const pulse of this.#pulses.values()) {
      pulse.heardAt = now
      if (after === 'outage') pulse.awaited = true
    }
  }

  /** Silence in milliseconds of one that is over its limit. */
  late(id: SandboxId): number | undefined {
    const pulse = this.#pulses.get(id)
    if (pulse === undefined || this.#deaf) return undefined
    const silentMs = this.#clock.monotonic() - pulse.heardAt
    return silentMs >= this.#limitOf(pulse) ? silentMs : undefined
  }

  /** Milliseconds until the next one that is not late yet may be. */
  nextInMs(): number | undefined {
    if (this.#deaf) return undefined
    const now = this.#clock.monotonic()
    const left = Array.from(this.#pulses.values(), (pulse) => pulse.heardAt + this.#limitOf(pulse) - now)
    return left.filter((ms) => ms > 0).reduce<number | undefined>((least, ms) => Math.min(least ?? ms, ms), undefined)
  }

  #limitOf(pulse: Pulse): number {
    return pulse.awaited ? this.#limits.bootMs : this.#limits.beatMs
  }
}
