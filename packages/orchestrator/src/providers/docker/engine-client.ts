/** The few things we ask of an engine, with answers parsed. */
import type { Duplex } from 'node:stream'
import { SpecfleetError } from '@specfleet/shared'
import type Docker from 'dockerode'
import * as z from 'zod'
import type { Clock } from '../../clock.ts'
import type { createOptions } from './create-options.ts'
import type { EngineAddress } from './engine-address.ts'
import { EngineCalls } from './engine-calls.ts'
import { EngineImages } from './engine-images.ts'
import { attach, followDeaths, followImages, followOutput } from './engine-streams.ts'
import type { Became, Container } from './exit.ts'
import { allContainerIds, findContainer, type ListedContainer, listContainers } from './find-container.ts'
import { textOf } from './output.ts'

/** Lines of output in a post-mortem. */
const TAIL_LINES = 200

const Info = z.object({
  ID: z.string().min(1),
  ServerVersion: z.string(),
  OSType: z.string(),
  NCPU: z.number().positive().default(Number.POSITIVE_INFINITY),
  DockerRootDir: z.string().default(''),
  /** Said by Podman only. */
  Rootless: z.boolean().default(false),
  Runtimes: z.record(z.string(), z.unknown()).default({}),
})
const Version = z.object({ Components: z.array(z.object({ Name: z.string() })).default([]) })
export type EngineInfo = z.infer<typeof Info> & { readonly components: readonly string[] }

export type Ended = { readonly code: number; readonly output: string }

export class EngineClient {
  readonly images: EngineImages
  readonly #calls: EngineCalls

  constructor(address: EngineAddress, clock: Clock) {
    this.#calls = new EngineCalls(address, clock)
    this.images = new EngineImages(this.#calls)
  }

  async info(): Promise<EngineInfo> {
    const ask = (docker: Docker) => Promise.all([docker.info(), docker.version()])
    const [info, version] = await this.#calls.ask('say what it is', ask)
    return { ...Info.parse(info), components: Version.parse(version).Components.map(({ Name }) => Name) }
  }

  /** Makes one under a name that nobody has. Resolves with the engine's own id of it. */
  async makeNew(name: string, options: ReturnType<typeof createOptions>): Promise<string> {
    const { id } = await this.#calls.ask(`make ${name}`, (docker) => docker.createContainer({ ...options, name }))
    return id
  }

  /** `taken` when a container has that name already. */
  async make(name: string, options: ReturnType<typeof createOptions>): Promise<'made' | 'taken'> {
    try {
      await this.makeNew(name, options)
      return 'made'
    } catch (error) {
      if (error instanceof SpecfleetError && error.code === 'provider.conflict') return 'taken'
      throw error
    }
  }

  /** Starts it, and gives it what it waits for on its standard input. Resolves when the engine has taken all of it. */
  async start(name: string, input: string): Promise<void> {
    const stream = await attach(this.#calls, name, { output: false })
    try {
      await this.launch(name)
      await this.#calls.ask(
        `tell ${name} its environment`,
        () =>
          new Promise<void>((resolve, reject) => {
            stream.once('error', reject)
            stream.end(input, resolve)
          }),
      )
    } catch (error) {
      stream.destroy()
      throw error
    }
    // Closed by the engine once the container has read it.
    stream.on('error', () => stream.destroy())
    stream.resume()
  }

  /** Reaches its input and output before it is started: what is written there it reads, and what it says is heard. */
  attach(name: string): Promise<Duplex> {
    return attach(this.#calls, name, { output: true })
  }

  /** Starts it, and tells it nothing yet. */
  async launch(name: string): Promise<void> {
    await this.#calls.ask(`start ${name}`, (docker) => docker.getContainer(name).start())
  }

  /** Nothing when it is gone; `taken` when another container has that name. */
  async rename(id: string, name: string): Promise<'renamed' | 'taken'> {
    try {
      await this.#calls.askIfThere(`rename ${id} to ${name}`, (docker) => docker.getContainer(id).rename({ name }))
      return 'renamed'
    } catch (error) {
      if (error instanceof SpecfleetError && error.code === 'provider.conflict') return 'taken'
      throw error
    }
  }

  /**
   * `undefined` when there is none of ours by that name or id.
   * @param became instead of what its labels say
   */
  inspect(name: string, became?: Became): Promise<Container | undefined> {
    return findContainer(this.#calls, name, became)
  }

  /** All containers of the fleet in that folder, whatever they do. */
  list(fleet: string, folder: string): Promise<ListedContainer[]> {
    return listContainers(this.#calls, fleet, folder)
  }

  /** The engine's own ids of all that it has, whosesoever. */
  allIds(): Promise<ReadonlySet<string>> {
    return allContainerIds(this.#calls)
  }

  /** The last lines of its output. */
  async tail(name: string): Promise<string> {
    const options = { stdout: true, stderr: true, tail: TAIL_LINES, follow: false } as const
    const frames = await this.#calls.askIfThere(`read the output of ${name}`, (docker) =>
      docker.getContainer(name).logs(options),
    )
    return frames === undefined ? '' : textOf(frames)
  }

  /** Nothing when it does not run. */
  async kill(name: string, signal: NodeJS.Signals): Promise<void> {
    await this.#calls.unless([404, 409, 304], `end ${name}`, (docker) => docker.getContainer(name).kill({ signal }))
  }

  /** Nothing when it is gone, or somebody else is removing it. */
  async remove(name: string): Promise<void> {
    const remove = (unless: readonly number[]) =>
      this.#calls.unless(unless, `remove ${name}`, (docker) =>
        docker.getContainer(name).remove({ force: true, v: true }),
      )
    // Podman does not remove what ends by itself in that moment; what has ended it does.
    if ((await remove([404, 409, 304])) === 304) await remove([404, 409])
  }

  /** Nothing, too, when it runs. */
  async removeUnstarted(name: string): Promise<void> {
    await this.#calls.unless([404, 409], `remove ${name}`, (docker) => docker.getContainer(name).remove({ v: true }))
  }

  /** Calls with the size of each piece that it writes from now on, until disposed of. */
  followOutput(name: string, onBytes: (count: number) => void): Promise<Disposable> {
    return followOutput(this.#calls, name, onBytes)
  }

  /** Calls with the name of each container of the fleet that dies; `onEnd` when the engine tells no more. */
  followDeaths(fleet: string, onDeath: (name: string) => void, onEnd: () => void): Promise<Disposable> {
    return followDeaths(this.#calls, fleet, onDeath, onEnd)
  }

  /** Calls whenever a name may mean another image; `onEnd` when the engine tells no more. */
  followImages(onChange: () => void, onEnd: () => void): Promise<Disposable> {
    return followImages(this.#calls, onChange, onEnd)
  }

  /** Runs a container to its end and removes it. */
  async runToEnd(name: string, options: ReturnType<typeof createOptions>): Promise<Ended> {
    await this.remove(name)
    await this.make(name, options)
    try {
      // Before the start: a wait that comes behind the end would wait for the next.
      const end = this.#calls.ask(
        `run ${name}`,
        (docker) => docker.getContainer(name).wait({ condition: 'next-exit' }),
        'provider.failed',
      )
      end.catch(() => undefined)
      await this.start(name, '')
      await end
      const ended = await this.inspect(name)
      return { code: ended?.end.code ?? 1, output: await this.tail(name) }
    } finally {
      await this.remove(name)
    }
  }
}
