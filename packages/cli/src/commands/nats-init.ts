import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { createOperatorKit, preloadOf, SpecfleetError } from '@specfleet/shared'
import * as z from 'zod'
import { natsConfig, operatorKeyFiles, readOperatorKit, writeOperatorKit } from '../embedded/nats.ts'
import type { CommandContext, Outcome } from './context.ts'

export type NatsInitFlags = { out: string; hosts: string; port: string; clusterPort: string; data: string }

const Flags = z.object({
  hosts: z
    .string()
    .transform((text) => text.split(',').map((host) => host.trim()))
    .pipe(
      z
        .array(z.string().regex(/^[A-Za-z0-9.:[\]-]+$/, 'a host is a name or an address'))
        .min(1)
        .max(9),
    ),
  port: z.coerce.number().int().min(1).max(65_535),
  clusterPort: z.coerce.number().int().min(1).max(65_535),
})

/**
 * `specfleet nats init`: configuration files for a server of your own, or for a cluster
 * with one file a host, and the keys that orchestrators and clients need. Keys that are
 * there already are kept, so hosts can be added later.
 */
export async function natsInit(flags: NatsInitFlags, { terminal }: CommandContext): Promise<Outcome> {
  const parsed = Flags.safeParse(flags)
  if (!parsed.success) throw new SpecfleetError('usage', z.prettifyError(parsed.error))
  const { hosts, port, clusterPort } = parsed.data
  const out = resolve(flags.out)
  const keys = join(out, 'keys')
  await mkdir(out, { recursive: true, mode: 0o700 })
  const known = await readOperatorKit(keys)
  const kit = known ?? createOperatorKit(new Date())
  if (known === undefined) await writeOperatorKit(keys, kit)

  const routes = hosts.map((host) => `nats://${host}:${clusterPort}`)
  const files = hosts.map((host, at) => {
    const serverName = `specfleet-${at + 1}`
    const text = natsConfig({
      serverName,
      host: '0.0.0.0',
      port,
      storeDir: join(flags.data, 'jetstream'),
      auth: {
        mode: 'operator',
        operatorJwt: kit.operatorJwt,
        systemAccountId: kit.systemAccountId,
        resolverDir: join(flags.data, 'accounts'),
        preload: preloadOf(kit),
      },
      ...(hosts.length === 1 ? {} : { cluster: { name: 'specfleet', listen: `0.0.0.0:${clusterPort}`, routes } }),
    })
    return { host, file: join(out, `${serverName}.conf`), text }
  })
  await Promise.all(files.map(({ file, text }) => writeFile(file, text, { mode: 0o600 })))

  const named = operatorKeyFiles(keys)
  for (const { host, file } of files) terminal.print(`server   ${file}   for ${host}: nats-server --config ${file}`)
  terminal.print(`keys     ${keys}${known === undefined ? '' : ' (kept)'}`)
  terminal.print()
  terminal.print('Each orchestrator needs:')
  terminal.print(`  NATS_URL=${hosts.map((host) => `nats://${host}:${port}`).join(',')}`)
  terminal.print(`  NATS_CREDS=${named.orchestratorCreds}`)
  terminal.print(`  NATS_SYSTEM_CREDS=${named.systemCreds}`)
  terminal.print(`  NATS_OPERATOR_SEED_FILE=${named.operatorSigningSeed}`)
  terminal.print('Each client needs:')
  terminal.print(`  NATS_URL as above, and NATS_CREDS=${named.clientCreds}`)
  return 0
}
