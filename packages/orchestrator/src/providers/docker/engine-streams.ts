/** Connections that last: what a container is told and what it says, the deaths of containers, and new images. */
import { Duplex, type Readable } from 'node:stream'
import * as z from 'zod'
import { LABEL } from './container.ts'
import { type EngineCalls, openEnded } from './engine-calls.ts'

/** What happened to a container of ours. */
const Happened = z.object({
  Action: z.string(),
  Actor: z.object({ Attributes: z.record(z.string(), z.string()).default({}) }),
})

/**
 * The standard input of a container that is not started yet, and its framed output where that is asked for. The
 * client's own way to it says again in the request's body what its address says, and Podman hands the body on to the
 * container: so this one has an empty body.
 */
export async function attach(
  calls: EngineCalls,
  name: string,
  { output }: { readonly output: boolean },
): Promise<Duplex> {
  return calls.ask(`reach ${name}`, (docker) => {
    const { promise, resolve, reject } = Promise.withResolvers<Duplex>()
    const request = {
      path: `/containers/${encodeURIComponent(name)}/attach?`,
      method: 'POST',
      options: { stream: true, stdin: true, stdout: output, stderr: false },
      file: Buffer.alloc(0),
      ...{ isStream: true, hijack: true, openStdin: true, statusCodes: { 404: 'no such container' } },
    }
    docker.modem.dial(request, (error: unknown, stream: unknown) =>
      stream instanceof Duplex ? resolve(stream) : reject(error ?? new Error('the engine keeps the connection')),
    )
    return promise
  })
}

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

/** Calls back when it ends by itself, and not when it is disposed of. */
function following(stream: Readable, onEnd: () => void): Disposable {
  stream.on('error', () => stream.destroy())
  stream.once('close', onEnd)
  return {
    [Symbol.dispose]: () => {
      stream.off('close', onEnd)
      stream.destroy()
    },
  }
}

/** Calls whenever a name may mean another image; `onEnd` when the engine tells no more. */
export async function followImages(calls: EngineCalls, onChange: () => void, onEnd: () => void): Promise<Disposable> {
  const filters = { type: ['image' as const] }
  const stream = await calls.ask('tell of its images', async (docker) => openEnded(await docker.getEvents({ filters })))
  stream.on('data', onChange)
  return following(stream, onEnd)
}

/** Calls with the name of each container of the fleet that dies; `onEnd` when the engine tells no more. */
export async function followDeaths(
  calls: EngineCalls,
  fleet: string,
  onDeath: (name: string) => void,
  onEnd: () => void,
): Promise<Disposable> {
  const filters = { type: ['container' as const], event: ['die', 'died'], label: [`${LABEL.fleet}=${fleet}`] }
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
  return following(stream, onEnd)
}

function nameOf(line: string): string | undefined {
  try {
    return Happened.parse(JSON.parse(line)).Actor.Attributes.name
  } catch {
    return undefined
  }
}
