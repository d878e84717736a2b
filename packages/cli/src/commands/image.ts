import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { fromWire, SpecfleetError, WireError } from '@specfleet/shared'
import { z } from 'zod'
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
const Word = z.discriminatedUnion('event', [Image, Refusal])

const BUILD = 'run `specfleet image build`, with --base for a toolchain of your own'

/** `specfleet image build|check`: the image that containers are made of, on the engine of this host. */
export async function image(
  what: 'build' | 'check',
  flags: { base?: string; json?: boolean },
  { env, terminal, signal }: CommandContext,
): Promise<Outcome> {
  const { style } = terminal
  const child = spawn(process.execPath, [fileURLToPath(import.meta.resolve('@specfleet/orchestrator/image')), what], {
    env: {
      ...env.inherited,
      SPECFLEET_HOME: env.home,
      ...(flags.base === undefined ? {} : { BASE_IMAGE: flags.base }),
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
  if (flags.json === true) terminal.printJson(found)
  else {
    const good = found.state === 'current' || found.state === 'mounted'
    terminal.print(`${good ? style.green('✓') : style.red('✗')} ${found.name}  ${SAYS[found.state]}`)
    if (!good) terminal.print(`  ${style.dim(`→ ${BUILD}`)}`)
  }
  return found.state === 'current' || found.state === 'mounted' ? 0 : 1
}

const SAYS = {
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
