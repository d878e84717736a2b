/** The images of an engine. */
import { stripVTControlCharacters } from 'node:util'
import { SpecfleetError } from '@specfleet/shared'
import * as z from 'zod'
import type { EngineCalls } from './engine-calls.ts'
import { engineError } from './engine-errors.ts'

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

/** What is said while an image is built. */
const Progress = z.object({ stream: z.string().exactOptional(), error: z.string().exactOptional() })

export class EngineImages {
  readonly #calls: EngineCalls

  constructor(calls: EngineCalls) {
    this.#calls = calls
  }

  async find(name: string): Promise<FoundImage | undefined> {
    const found = await this.#calls.askIfThere(`look at image ${name}`, (docker) => docker.getImage(name).inspect())
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
    const stream = await this.#calls.ask(`build ${name}`, (docker) =>
      docker.buildImage(context, { t: name, buildargs: args, rm: true, forcerm: true }),
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
    this.#calls.docker.modem.followProgress(
      stream,
      (error: Error | null) => (error === null ? resolve() : reject(engineError(error, `build ${name}`))),
      onProgress,
    )
    await built
  }
}
