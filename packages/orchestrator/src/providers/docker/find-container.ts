/** Finding containers of ours on an engine: one by its name, or all of a fleet. */
import { z } from 'zod'
import { LABEL } from './container.ts'
import type { EngineCalls } from './engine-calls.ts'
import { type Container, readContainer, stateOf } from './exit.ts'

export type ListedContainer = { readonly name: string; readonly started: boolean }
const Listed = z.array(z.object({ Names: z.array(z.string()), State: z.string() }))

/** `undefined` when there is none of ours by that name. */
export async function findContainer(calls: EngineCalls, name: string): Promise<Container | undefined> {
  const found = await calls.askIfThere(`look at ${name}`, (docker) => docker.getContainer(name).inspect())
  return found === undefined ? undefined : readContainer(found)
}

/** All containers of the fleet in that folder, whatever they do. */
export async function listContainers(calls: EngineCalls, fleet: string, folder: string): Promise<ListedContainer[]> {
  const filters = { label: [`${LABEL.fleet}=${fleet}`, `${LABEL.folder}=${folder}`] }
  const listed = await calls.ask('list its containers', (docker) => docker.listContainers({ all: true, filters }))
  return Listed.parse(listed).flatMap(({ Names: [name], State }) =>
    name === undefined ? [] : [{ name: name.replace(/^\//, ''), started: stateOf(State) !== 'made' }],
  )
}
