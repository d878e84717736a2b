/** Where a waiting container is, on the engine and on this host. Pure. */
import { join } from 'node:path'
import { containerName, LABEL } from '../container.ts'

/** No sandbox's id has a dot in it. */
const NAME = 'waiting.'
const FOLDER = '.waiting-'

export const waitingName = (fleet: string, key: string): string => `${containerName(fleet, '')}${NAME}${key}`

export const waitingFolder = (sandboxes: string, key: string): string => join(sandboxes, `${FOLDER}${key}`)

export const isWaitingName = (fleet: string, name: string): boolean => name.startsWith(waitingName(fleet, ''))

/** `undefined` for the name of another folder. */
export const keyOfFolder = (entry: string): string | undefined =>
  entry.startsWith(FOLDER) ? entry.slice(FOLDER.length) : undefined

/** None of a run: by these alone a container is nobody's. */
export const waitingLabels = (
  { fleet, folder }: { readonly fleet: string; readonly folder: string },
  key: string,
): Record<string, string> => ({ [LABEL.fleet]: fleet, [LABEL.folder]: folder, [LABEL.waiting]: key })
