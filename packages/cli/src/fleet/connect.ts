import { readFile } from 'node:fs/promises'
import { type Bus, connectBus, SpecfleetError } from '@specfleet/shared'
import { embeddedAddress } from '../embedded/nats.ts'
import type { CliEnv } from '../env.ts'
import { FleetClient } from './client.ts'

/** Address of a bus and the file with the credentials for it. */
export type BusAddress = { url: string; credsFile: string | undefined }

/**
 * The bus a command talks to: `NATS_URL` with `NATS_CREDS`, else the embedded server of the home.
 * @throws SpecfleetError `bus.unreachable` when neither is there
 */
async function locateBus(env: CliEnv): Promise<BusAddress> {
  if (env.natsUrl !== undefined) return { url: env.natsUrl, credsFile: env.natsCredsFile }
  const embedded = await embeddedAddress(env.home)
  if (embedded !== undefined) return { url: embedded.url, credsFile: embedded.keys.clientCreds }
  throw new SpecfleetError('bus.unreachable', `no NATS_URL is set and no fleet has been started in ${env.home}`)
}

/** @throws SpecfleetError `bus.unreachable`; `bus.refused`, also when the credentials cannot be read */
export async function connectTo(address: BusAddress, name = 'specfleet'): Promise<Bus> {
  const { url, credsFile } = address
  return await connectBus({ url, name, ...(credsFile === undefined ? {} : { creds: await readCreds(credsFile) }) })
}

async function readCreds(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new SpecfleetError('bus.refused', `the credentials file ${file} cannot be read`, { cause })
  }
}

/** Connects, does the work, and closes the connection however it ends. */
export async function withFleet<T>(env: CliEnv, work: (client: FleetClient) => Promise<T>): Promise<T> {
  await using bus = await connectTo(await locateBus(env))
  return await work(new FleetClient(bus))
}
