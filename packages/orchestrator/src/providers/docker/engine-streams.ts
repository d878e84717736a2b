/** What an engine tells for as long as it is listened to: the deaths of containers, what one writes, and new images. */
import { Duplex } from 'node:stream'
import { SpecfleetError } from '@specfleet/shared'
import { z } from 'zod'
import { LABEL } from './container.ts'
import { type EngineCalls, openEnded } from './engine-calls.ts'

/** What happened to a container of ours. */
const Happened = z.object({
  Action: z.string(),
  Actor: z.object({ Attributes: z.record(z.string(), z.string()).default({}) }),
})

/** Calls with the size of each piece that it writes from now on, until disposed of. */
export async function followOutput(
  calls: EngineCalls,
  name: string,
  onBytes: (count: number) => void,
): Promise<Disposable> {
  const stream = await calls.ask(`follow ${name}`, async (docker) =>
    openEnded(await docker.getContainer(name).attach({ stream: true, stdin: false, stdout: true, stderr: true })),
  )
  stream.on('data', (bytes: Buffer) => onBytes(bytes.length))
  stream.on('error', () => stream.destroy())
  return { [Symbol.dispose]: () => void stream.destroy() }
}

/** The input and the framed output of a container that is not started yet. */
export async function attach(calls: EngineCalls, name: string): Promise<Duplex> {
  const options = { stream: true, stdin: true, stdout: true, stderr: false, hijack: true }
  const stream = await calls.ask(`reach ${name}`, (docker) => docker.getContainer(name).attach(options))
  if (stream instanceof Duplex) return stream
  throw new SpecfleetError('internal', 'the client of the container engine gave a stream that goes one way only')
}

/** Calls whenever a name may mean another image; `onEnd` when the engine tells no more. */
export async function followImages(calls: EngineCalls, onChange: () => void, onEnd: () => void): Promise<Disposable> {
  const filters = { type: ['image' as const] }
  const stream = await calls.ask('tell of its images', async (docker) => openEnded(await docker.getEvents({ filters })))
  stream.on('data', onChange)
  stream.on('error', () => stream.destroy())
  stream.once('close', onEnd)
  return {
    [Symbol.dispose]: () => {
      stream.off('close', onEnd)
      stream.destroy()
    },
  }
}

/** Calls with the name of each container of the fleet that dies; `onEnd` when the engine tells no more. */
export async function followDeaths(
  calls: EngineCalls,
  fleet: string,
  onDeath: (name: string) => void,
  onEnd: () => void,
): Promise<Disposable> {
  const filters = { type: ['container' as const], event: ['die'], label: [`${LABEL.fleet}=${fleet}`] }
  const stream = await calls.ask('tell what happens', async (docker) => openEnded(await docker.getEvents({ filters })))
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

function nameOf(line: string): string | undefined {
  try {
    return Happened.parse(JSON.parse(line)).Actor.Attributes.name
  } catch {
    return undefined
  }
}
