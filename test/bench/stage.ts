/** The bus of one benchmark: a real server as the product sets it up, and what speaks to it. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Bus, type CredentialMint, connectBus, ensureTopology, openCredentialMint } from '@specfleet/shared'
import { type SecuredTestNats, startNats } from '@specfleet/testkit'
import { connect, credsAuthenticator, type NatsConnection } from 'nats'

export type Stage = AsyncDisposable & {
  readonly nats: SecuredTestNats
  /** In the account of the orchestrators. */
  readonly bus: Bus
  /** In the system account. */
  readonly system: Bus
  readonly mint: CredentialMint
  /** The bare client, in the account of the orchestrators. */
  readonly raw: NatsConnection
  /** For files; removed with the stage. */
  readonly folder: string
}

/** Bytes of a credentials file, as the bare client wants them. */
const openRaw = (url: string, creds: string): Promise<NatsConnection> =>
  connect({ servers: url, authenticator: credsAuthenticator(new TextEncoder().encode(creds)) })

/** How long credentials made for a benchmark hold. */
export const soon = (): Date => new Date(Date.now() + 3_600_000)

/** Operator mode, every write on disk before it is acknowledged: the embedded server's own configuration. */
export async function openStage(): Promise<Stage> {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'specfleet-bench-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const nats = stack.use(await startNats())
  const bus = stack.use(await connectBus({ url: nats.url, creds: nats.orchestratorCreds, name: 'bench' }))
  const system = stack.use(await connectBus({ url: nats.url, creds: nats.systemCreds, name: 'bench system' }))
  await ensureTopology(bus, { replicas: 1 })
  const { operatorSigningSeed, kit } = nats
  const mint = stack.use(
    openCredentialMint({
      system,
      app: bus,
      operatorSigningSeed,
      appAccountId: kit.appAccountId,
      now: () => new Date(),
    }),
  )
  const raw = await openRaw(nats.url, nats.orchestratorCreds)
  stack.defer(() => raw.close())
  const owned = stack.move()
  return { nats, bus, system, mint, raw, folder, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}
