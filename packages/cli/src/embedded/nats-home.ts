import { randomUUID } from 'node:crypto'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { createOperatorKit, type OperatorKit, preloadOf } from '@specfleet/shared'
import * as z from 'zod'
import { natsConfig } from './nats-config.ts'
import { readOperatorKit, writeOperatorKit } from './operator-keys.ts'
import { readIfThere } from './optional-files.ts'

/** Where an embedded server keeps what it has, all below one folder. */
export type NatsHome = ReturnType<typeof natsHome>

export function natsHome(home: string) {
  const root = resolve(home, 'nats')
  return {
    root,
    keys: join(root, 'keys'),
    accounts: join(root, 'accounts'),
    users: join(root, 'users'),
    lock: join(root, 'lock'),
    address: join(root, 'address.json'),
    configFile: join(root, 'nats.conf'),
    pidFile: join(root, 'nats.pid'),
    portsDir: join(root, 'ports'),
    logFile: join(root, 'nats.log'),
    outputFile: join(root, 'nats.out'),
  }
}

/** What stays the same over restarts: the name that tells this server from any other, and its port. */
const Address = z.object({ serverName: z.string(), port: z.int().min(1).max(65_535) })
export type Address = z.infer<typeof Address>

export async function readAddress(home: NatsHome): Promise<Address | undefined> {
  const text = await readIfThere(home.address)
  return text === undefined ? undefined : Address.parse(JSON.parse(text))
}

/** The number in the pid file that the server itself writes. */
export async function readPid(home: NatsHome): Promise<number | undefined> {
  const pid = Number.parseInt((await readIfThere(home.pidFile)) ?? '', 10)
  return Number.isInteger(pid) ? pid : undefined
}

/** Readies the folder for a start on this address: keys (made once), address and configuration. */
export async function prepareHome(home: NatsHome, address: Address, now: Date): Promise<void> {
  await mkdir(home.root, { recursive: true, mode: 0o700 })
  const kit = (await readOperatorKit(home.keys)) ?? (await createKit(home, now))
  await replaceFile(home.address, JSON.stringify(address))
  await replaceFile(home.configFile, configText(home, address, kit))
}

async function createKit(home: NatsHome, now: Date): Promise<OperatorKit> {
  const kit = createOperatorKit(now)
  await writeOperatorKit(home.keys, kit)
  return kit
}

function configText(home: NatsHome, address: Address, kit: OperatorKit): string {
  return natsConfig({
    ...address,
    host: '127.0.0.1',
    storeDir: home.root,
    auth: {
      mode: 'operator',
      operatorJwt: kit.operatorJwt,
      systemAccountId: kit.systemAccountId,
      resolverDir: home.accounts,
      preload: preloadOf(kit),
    },
    pidFile: home.pidFile,
    portsFileDir: home.portsDir,
    log: { file: home.logFile, maxBytes: 10_000_000, maxFiles: 3 },
  })
}

/** Whoever reads meanwhile sees the old text or the new one. */
async function replaceFile(file: string, text: string): Promise<void> {
  const draft = `${file}.${randomUUID()}`
  await writeFile(draft, text, { mode: 0o600 })
  await rename(draft, file)
}
