/** Finding containers on an engine: one of ours by its name, all of a fleet, or all there are. */
import * as z from 'zod'
import { type Identity, LABEL, readIdentity } from './container.ts'
import type { EngineCalls } from './engine-calls.ts'
import { type Became, type Container, readContainer, stateOf } from './exit.ts'

/** What a listing tells of a container: enough to know whose it is, and whether it has to be looked at. */
export type ListedContainer = Pick<Container, 'containerId' | 'state'> & {
  readonly name: string
  /** `undefined` when its labels are those of no sandbox of ours. */
  readonly identity: Identity | undefined
  /** Of one that was made to wait, whatever it has become. */
  readonly waitingKey: string | undefined
}

const Listed = z.array(
  z.object({
    Id: z.string(),
    Names: z.array(z.string()),
    State: z.string(),
    Labels: z.record(z.string(), z.string()).nullish(),
  }),
)

/** `undefined` when there is none of ours by that name or id. */
export async function findContainer(calls: EngineCalls, name: string, became?: Became): Promise<Container | undefined> {
  const found = await calls.askIfThere(`look at ${name}`, (docker) => docker.getContainer(name).inspect())
  return found === undefined ? undefined : readContainer(found, became)
}

/** All containers of the fleet in that folder, whatever they do. */
export async function listContainers(calls: EngineCalls, fleet: string, folder: string): Promise<ListedContainer[]> {
  const filters = { label: [`${LABEL.fleet}=${fleet}`, `${LABEL.folder}=${folder}`] }
  const listed = await calls.ask('list its containers', (docker) => docker.listContainers({ all: true, filters }))
  return Listed.parse(listed).flatMap(({ Id, Names: [name], State, Labels }) => {
    if (name === undefined) return []
    const identity = readIdentity(Labels ?? {})
    const waitingKey = Labels?.[LABEL.waiting]
    return [{ name: name.replace(/^\//, ''), containerId: Id, state: stateOf(State), identity, waitingKey }]
  })
}

/** The engine's own ids of all that it has, whosesoever. */
export async function allContainerIds(calls: EngineCalls): Promise<ReadonlySet<string>> {
  const listed = await calls.ask('list all containers', (docker) => docker.listContainers({ all: true }))
  return new Set(Listed.parse(listed).map(({ Id }) => Id))
}
