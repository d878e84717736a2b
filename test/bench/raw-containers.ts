/** Containers of the bare engine, without anything of ours. */
import { once } from 'node:events'
import type Docker from 'dockerode'

export const ECHO = { Cmd: ['echo', 'here'], Binds: [] }
export const NODE = { Cmd: ['/node', '-e', 'console.log(0)'], Binds: [`${process.execPath}:/node:ro`] }
export const SLEEP = { Cmd: ['sleep', '60'], Binds: [] }
export type Program = { readonly Cmd: string[]; readonly Binds: string[] }

export const makeRaw = (client: Docker, Image: string, { Cmd, Binds }: Program): Promise<Docker.Container> =>
  client.createContainer({
    ...{ Image, Cmd, NetworkDisabled: true, AttachStdout: true },
    HostConfig: { NetworkMode: 'none', Init: true, Binds },
  })

/** The engine alone, with the same image: until something is heard of the program. */
export async function untilOutput(client: Docker, image: string, program: Program): Promise<number> {
  const startedAt = performance.now()
  const container = await makeRaw(client, image, program)
  try {
    const output = await container.attach({ stream: true, stdout: true })
    const heard = once(output, 'data')
    await container.start()
    await heard
    return performance.now() - startedAt
  } finally {
    await container.remove({ force: true, v: true })
  }
}
