/** How one call of an engine is made: bounded in time, its failures by name. */
import { Readable } from 'node:stream'
import { SpecfleetError } from '@specfleet/shared'
import Docker from 'dockerode'
import type { Clock } from '../../clock.ts'
import type { EngineAddress } from './engine-address.ts'
import { engineError, statusOf } from './engine-errors.ts'

/** An engine that answers later than this is not there for now; making a container takes it a second at load. */
const ANSWER_LIMIT_MS = 30_000

export class EngineCalls {
  readonly docker: Docker
  readonly #clock: Clock

  constructor(address: EngineAddress, clock: Clock) {
    this.docker = new Docker(optionsOf(address))
    this.#clock = clock
  }

  /**
   * @param doing what is asked of it, for people: `make sandbox-1`
   * @param ifLate what it says of the engine when no answer comes in time
   */
  async ask<T>(
    doing: string,
    ask: (docker: Docker) => Promise<T>,
    ifLate: 'provider.engine-gone' | 'provider.failed' = 'provider.engine-gone',
  ): Promise<T> {
    const late = Promise.withResolvers<never>()
    const limit = this.#clock.after(ANSWER_LIMIT_MS, () =>
      late.reject(new SpecfleetError(ifLate, `the engine did not ${doing} within ${ANSWER_LIMIT_MS} ms`)),
    )
    try {
      return await Promise.race([ask(this.docker), late.promise])
    } catch (error) {
      throw engineError(error, doing)
    } finally {
      limit[Symbol.dispose]()
    }
  }

  /** `undefined` for what there is not. */
  askIfThere<T>(doing: string, ask: (docker: Docker) => Promise<T>): Promise<T | undefined> {
    return this.ask(doing, async (docker) => {
      try {
        return await ask(docker)
      } catch (error) {
        if (statusOf(error) === 404) return undefined
        throw error
      }
    })
  }

  /** Which of these statuses the engine answered with; `undefined` when it did what it was asked. */
  unless(
    statuses: readonly number[],
    doing: string,
    ask: (docker: Docker) => Promise<unknown>,
  ): Promise<number | undefined> {
    return this.ask(doing, async (docker) => {
      try {
        await ask(docker)
        return undefined
      } catch (error) {
        const status = statusOf(error)
        if (status === undefined || !statuses.includes(status)) throw error
        return status
      }
    })
  }
}

/** All that the client would otherwise take from its own look at the environment is said, too. */
function optionsOf(address: EngineAddress): Docker.DockerOptions {
  if (address.kind === 'socket') return { socketPath: address.path, host: '', protocol: 'http' }
  const { host, port, ca, cert, key } = address
  // The client joins them with a colon.
  return { protocol: 'https', host: host.includes(':') ? `[${host}]` : host, port, ca, cert, key }
}

/** A stream of the engine's client, as one that can be closed. */
export function openEnded<T extends NodeJS.ReadableStream>(stream: T): T & Readable {
  if (stream instanceof Readable) return stream
  throw new SpecfleetError('internal', 'the client of the container engine gave a stream that cannot be closed')
}
