/** The few things we ask of an engine, each bounded in time, with answers parsed and failures by name. */
import { Readable } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'
import { SpecfleetError } from '@specfleet/shared'
import Docker from 'dockerode'
import { z } from 'zod'
import type { Clock } from '../../clock.ts'
import { LABEL } from './container.ts'
import type { createOptions } from './create-options.ts'
import { engineError, statusOf } from './engine-errors.ts'
import { type Container, readContainer } from './exit.ts'
import { textOf } from './output.ts'

/** An engine that answers later than this has failed for now; making a container takes it a second at load. */
const ANSWER_LIMIT_MS = 30_000
/** Lines of output in a post-mortem. */
const TAIL_LINES = 200

const Info = z.object({
  ID: z.string().min(1),
  ServerVersion: z.string(),
  OSType: z.string(),
})
export type EngineInfo = z.infer<typeof Info>

const Image = z.object({
  Id: z.string(),
  Config: z.object({
    Env: z.array(z.string()).nullish(),
    Labels: z.record(z.string(), z.string()).nullish(),
  }),
})
export type FoundImage = {
  readonly id: string
  readonly env: readonly string[]
  readonly labels: Readonly<Record<string, string>>
}

export type ListedContainer = { readonly name: string; readonly started: boolean }
const Listed = z.array(z.object({ Names: z.array(z.string()), State: z.string() }))

/** What is said while an image is built. */
const Progress = z.object({ stream: z.string().exactOptional(), error: z.string().exactOptional() })

/** What happened to a container of ours. */
const Happened = z.object({
  Action: z.string(),
  Actor: z.object({ Attributes: z.record(z.string(), z.string()).default({}) }),
})

export type Ended = { readonly code: number; readonly output: string }

export class EngineClient {
  readonly #docker: Docker
  readonly #clock: Clock

  /** @param socketPath where the engine listens on this host */
  constructor(socketPath: string, clock: Clock) {
    this.#docker = new Docker({ socketPath })
    this.#clock = clock
  }

  async info(): Promise<EngineInfo> {
    return Info.parse(await this.#ask('say what it is', () => this.#docker.info()))
  }

  async findImage(name: string): Promise<FoundImage | undefined> {
    const found = await this.#askIfThere(`look at image ${name}`, () => this.#docker.getImage(name).inspect())
    if (found === undefined) return undefined
    const { Id, Config } = Image.parse(found)
    return { id: Id, env: Config.Env ?? [], labels: Config.Labels ?? {} }
  }

  /**
   * Builds an image, which may take minutes: there is no limit but the engine's own.
   * @throws SpecfleetError `provider.image` with the step that failed
   */
  async build(
    { folder, files, name, args }: { folder: string; files: string[]; name: string; args: Record<string, string> },
    onLine: (line: string) => void,
  ): Promise<void> {
    const context = { context: folder, src: files }
    const stream = await this.#ask(`build ${name}`, () =>
      this.#docker.buildImage(context, { t: name, buildargs: args, rm: true, forcerm: true }),
    )
    const { promise: built, resolve, reject } = Promise.withResolvers<void>()
    let rest = ''
    const onProgress = (said: unknown) => {
      const { stream: text = '', error } = Progress.safeParse(said).data ?? {}
      // Colours of the programs in it are escape sequences of their own pieces.
      const lines = (rest + stripVTControlCharacters(text)).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines.filter((each) => each.trim() !== '')) onLine(line)
      if (error === undefined) return
      const next = 'mend the step that failed, or give `specfleet image build --base` an image that the engine has'
      reject(new SpecfleetError('provider.image', `${name} cannot be built: ${error}`, { next }))
    }
    this.#docker.modem.followProgress(
      stream,
      (error: Error | null) => (error === null ? resolve() : reject(engineError(error, `build ${name}`))),
      onProgress,
    )
    await built
  }

  /** `taken` when a container has that name already. */
  async make(name: string, options: ReturnType<typeof createOptions>): Promise<'made' | 'taken'> {
    try {
      await this.#ask(`make ${name}`, () => this.#docker.createContainer({ ...options, name }))
      return 'made'
    } catch (error) {
      if (error instanceof SpecfleetError && error.code === 'provider.conflict') return 'taken'
      throw error
    }
  }

  /** Starts it, and gives it what it waits for on its standard input. Resolves when the engine has taken all of it. */
  async start(name: string, input: string): Promise<void> {
    const container = this.#docker.getContainer(name)
    const stream = await this.#ask(`reach ${name}`, async () =>
      openEnded(await container.attach({ stream: true, stdin: true, stdout: false, stderr: false, hijack: true })),
    )
    try {
      await this.#ask(`start ${name}`, () => container.start())
      await this.#ask(
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

  /** `undefined` when there is none of ours by that name. */
  async inspect(name: string): Promise<Container | undefined> {
    const found = await this.#askIfThere(`look at ${name}`, () => this.#docker.getContainer(name).inspect())
    return found === undefined ? undefined : readContainer(found)
  }

  /** All containers of the fleet in that folder, whatever they do. */
  async list(fleet: string, folder: string): Promise<ListedContainer[]> {
    const filters = { label: [`${LABEL.fleet}=${fleet}`, `${LABEL.folder}=${folder}`] }
    const listed = await this.#ask('list its containers', () => this.#docker.listContainers({ all: true, filters }))
    return Listed.parse(listed).flatMap(({ Names: [name], State }) =>
      name === undefined ? [] : [{ name: name.replace(/^\//, ''), started: State !== 'created' }],
    )
  }

  /** The last lines of its output. */
  async tail(name: string): Promise<string> {
    const options = { stdout: true, stderr: true, tail: TAIL_LINES, follow: false } as const
    const frames = await this.#askIfThere(`read the output of ${name}`, () =>
      this.#docker.getContainer(name).logs(options),
    )
    return frames === undefined ? '' : textOf(frames)
  }

  /** Nothing when it does not run. */
  async kill(name: string, signal: NodeJS.Signals): Promise<void> {
    await this.#unless([404, 409, 304], `end ${name}`, () => this.#docker.getContainer(name).kill({ signal }))
  }

  /** Nothing when it is gone, or somebody else is removing it. */
  async remove(name: string): Promise<void> {
    await this.#unless([404, 409], `remove ${name}`, () =>
      this.#docker.getContainer(name).remove({ force: true, v: true }),
    )
  }

  /** Calls with the size of each piece that it writes from now on, until disposed of. */
  async followOutput(name: string, onBytes: (count: number) => void): Promise<Disposable> {
    const container = this.#docker.getContainer(name)
    const stream = await this.#ask(`follow ${name}`, async () =>
      openEnded(await container.attach({ stream: true, stdin: false, stdout: true, stderr: true })),
    )
    stream.on('data', (bytes: Buffer) => onBytes(bytes.length))
    stream.on('error', () => stream.destroy())
    return { [Symbol.dispose]: () => void stream.destroy() }
  }

  /** Calls with the name of each container of the fleet that dies; `onEnd` when the engine tells no more. */
  async followDeaths(fleet: string, onDeath: (name: string) => void, onEnd: () => void): Promise<Disposable> {
    const filters = { type: ['container' as const], event: ['die'], label: [`${LABEL.fleet}=${fleet}`] }
    const stream = await this.#ask('tell what happens', async () =>
      openEnded(await this.#docker.getEvents({ filters })),
    )
    let rest = ''
    stream.on('data', (bytes: Buffer) => {
      const lines = (rest + bytes.toString('utf8')).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        const name = nameOf(line)
        if (name !== undefined) onDeath(name)
      }
    })
    stream.on('error', () => stream.destroy())
    stream.once('close', onEnd)
    return {
      [Symbol.dispose]: () => {
        stream.off('close', onEnd)
        stream.destroy()
      },
    }
  }

  /** Runs a container to its end and removes it. */
  async runToEnd(name: string, options: ReturnType<typeof createOptions>): Promise<Ended> {
    await this.remove(name)
    await this.make(name, options)
    try {
      const container = this.#docker.getContainer(name)
      // Before the start: a wait that comes behind the end would wait for the next.
      const end = this.#ask(`run ${name}`, () => container.wait({ condition: 'next-exit' }))
      end.catch(() => undefined)
      await this.start(name, '')
      await end
      const ended = await this.inspect(name)
      return { code: ended?.end.code ?? 1, output: await this.tail(name) }
    } finally {
      await this.remove(name)
    }
  }

  async #ask<T>(doing: string, ask: () => Promise<T>): Promise<T> {
    const late = Promise.withResolvers<never>()
    const limit = this.#clock.after(ANSWER_LIMIT_MS, () =>
      late.reject(new SpecfleetError('provider.failed', `the engine did not ${doing} within ${ANSWER_LIMIT_MS} ms`)),
    )
    try {
      return await Promise.race([ask(), late.promise])
    } catch (error) {
      throw engineError(error, doing)
    } finally {
      limit[Symbol.dispose]()
    }
  }

  /** `undefined` for what there is not. */
  #askIfThere<T>(doing: string, ask: () => Promise<T>): Promise<T | undefined> {
    return this.#ask(doing, async () => {
      try {
        return await ask()
      } catch (error) {
        if (statusOf(error) === 404) return undefined
        throw error
      }
    })
  }

  async #unless(statuses: readonly number[], doing: string, ask: () => Promise<unknown>): Promise<void> {
    await this.#ask(doing, async () => {
      try {
        await ask()
      } catch (error) {
        if (!statuses.includes(statusOf(error) ?? 0)) throw error
      }
    })
  }
}

/** A stream of the engine's client, as one that can be closed. */
function openEnded<T extends NodeJS.ReadableStream>(stream: T): T & Readable {
  if (stream instanceof Readable) return stream
  throw new SpecfleetError('internal', 'the client of the container engine gave a stream that cannot be closed')
}

function nameOf(line: string): string | undefined {
  try {
    return Happened.parse(JSON.parse(line)).Actor.Attributes.name
  } catch {
    return undefined
  }
}
