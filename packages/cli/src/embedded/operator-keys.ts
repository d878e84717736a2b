import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type OperatorKit, SpecfleetError } from '@specfleet/shared'
import * as z from 'zod'
import { isErrno, readIfThere } from './optional-files.ts'

/** Files of a kit that other processes are pointed at; each holds a secret and is readable by its owner only. */
export type OperatorKeyFiles = {
  operatorSigningSeed: string
  systemCreds: string
  orchestratorCreds: string
  clientCreds: string
}

/** The part of a kit that is no secret, but that a server's configuration needs. */
const Identities = z.object({
  operatorJwt: z.string(),
  systemAccountId: z.string(),
  systemAccountJwt: z.string(),
  appAccountId: z.string(),
  appAccountJwt: z.string(),
  clientAccountId: z.string(),
  clientAccountJwt: z.string(),
})

export function operatorKeyFiles(folder: string): OperatorKeyFiles {
  return {
    operatorSigningSeed: join(folder, 'operator-signing.seed'),
    systemCreds: join(folder, 'system.creds'),
    orchestratorCreds: join(folder, 'orchestrator.creds'),
    clientCreds: join(folder, 'client.creds'),
  }
}

const identitiesFile = (folder: string): string => join(folder, 'operator.json')

/** Writes a kit into a new folder in one step. @throws SpecfleetError `config.invalid` when the folder is not empty */
export async function writeOperatorKit(folder: string, kit: OperatorKit): Promise<void> {
  const draft = `${folder}.${randomUUID()}`
  const files = operatorKeyFiles(draft)
  const write = (file: string, text: string) => writeFile(file, `${text.trim()}\n`, { mode: 0o600 })
  await mkdir(draft, { recursive: true, mode: 0o700 })
  try {
    await Promise.all([
      write(files.operatorSigningSeed, kit.operatorSigningSeed),
      write(files.systemCreds, kit.systemCreds),
      write(files.orchestratorCreds, kit.orchestratorCreds),
      write(files.clientCreds, kit.clientCreds),
      write(identitiesFile(draft), JSON.stringify(Identities.parse(kit), undefined, 2)),
    ])
    await rename(draft, folder)
  } catch (error) {
    await rm(draft, { recursive: true, force: true })
    if (!isErrno(error, 'ENOTEMPTY', 'EEXIST')) throw error
    throw new SpecfleetError('config.invalid', `${folder} holds other keys already`, {
      next: 'name another folder, or remove that one if nothing uses its keys',
    })
  }
}

/** Reads what `writeOperatorKit` wrote; `undefined` when there is no such folder. */
export async function readOperatorKit(folder: string): Promise<OperatorKit | undefined> {
  const identities = await readIfThere(identitiesFile(folder))
  if (identities === undefined) return undefined
  const files = operatorKeyFiles(folder)
  const read = async (file: string) => (await readFile(file, 'utf8')).trim()
  const [operatorSigningSeed, systemCreds, orchestratorCreds, clientCreds] = await Promise.all([
    read(files.operatorSigningSeed),
    read(files.systemCreds),
    read(files.orchestratorCreds),
    read(files.clientCreds),
  ])
  return {
    ...Identities.parse(JSON.parse(identities)),
    operatorSigningSeed,
    systemCreds,
    orchestratorCreds,
    clientCreds,
  }
}
