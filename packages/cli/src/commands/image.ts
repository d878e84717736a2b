import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { fromWire, SpecfleetError, WireError } from '@specfleet/shared'
import * as z from 'zod'
import type { CommandContext, Outcome } from './context.ts'

const Image = z.object({
  event: z.literal('image'),
  name: z.string(),
  state: z.enum(['current', 'stale', 'missing', 'mounted']),
  worker: z.string(),
  inside: z.string().exactOptional(),
  id: z.string().nullable(),
})
const Refusal = WireError.extend({ event: z.literal('refused') })
export type ImageState = Omit<z.infer<typeof Image>, 'event'>
const Word = z.discriminatedUnion('event', [Image, Refusal])

export const BUILD = 'run `specfleet image build`, with --base for a toolchain of your own'

/** `specfleet image build|check`: the image that containers are made of, on the engine of this host. */
export async function image(
  what: 'build' | 'check',
  flags: { base?: string; json?: boolean },
  context: CommandContext,
): Promise<Outcome> {
  const { terminal } = context
  const { style } = terminal
  const found = await askForImage(what, flags.base, context)
  if (flags.json === true) terminal.printJson(found)
  else {
    const good = isUsable(found)
    terminal.print(`${good ? style.green('✓') : style.red('✗')} ${found.name}  ${SAYS[found.state]}`)
    if (!good) terminal.print(`  ${style.dim(`→ ${BUILD}`)}`)
  }
  return isUsable(found) ? 0 : 1
}

export const isUsable = ({ state }: ImageState): boolean => state === 'current' || state === 'mounted'

/** @throws SpecfleetError with the words of whoever looked, such as that no engine answers */
export async function askForImage(
  what: 'build' | 'check',
  base: string | undefined,
  { env, terminal, signal }: CommandContext,
): Promise<ImageState> {
  const { style } = terminal
  const child = spawn(process.execPath, [fileURLToPath(import.meta.resolve('@specfleet/orchestrator/image')), what], {
    env: {
      ...env.inherited,
      SPECFLEET_HOME: env.home,
      ...(base === undefined ? {} : { BASE_IMAGE: base }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
  })
  const exited = once(child, 'exit')
  let last = ''
  createInterface({ input: child.stdout }).on('line', (line) => {
    last = line
  })
  createInterface({ input: child.stderr }).on('line', (line) => terminal.note(style.dim(line)))
  await exited
  signal.throwIfAborted()
  const word = Word.safeParse(parse(last))
  if (!word.success) throw new SpecfleetError('internal', 'the process that looks after images said nothing')
  if (word.data.event === 'refused') throw fromWire(word.data)
  const { event: _, ...found } = word.data
  return found
}

export const SAYS = {
  current: 'has the worker of this fleet in it',
  mounted: 'has no worker in it; that of this fleet is mounted into each container',
  stale: 'has another worker in it than that of this fleet',
  missing: 'is not on the engine',
} as const

function parse(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
