import * as z from 'zod'
import { SpecfleetError } from '../contract/errors.ts'
import type { Bus } from './connection.ts'
import { writeCreds } from './creds-file.ts'
import { readApiAnswer } from './jetstream-api.ts'
import { type AccountClaims, readClaims, signClaims } from './jwt.ts'
import { natsBus } from './nats-bus.ts'
import { deriveKey, generateKey, isPublicKey, keyFromSeed, type NKey, seedOf } from './nkey.ts'
import { HEADER } from './publish.ts'
import { pause, retryDelay, retrying } from './retry.ts'
import {
  revokedClaims,
  SANDBOX_ACCOUNT_PREFIX,
  type SandboxScope,
  sandboxAccountName,
  sandboxClaims,
} from './sandbox-account.ts'

/**
 * Makes one account for each incarnation and takes it away again. Nothing has to be
 * remembered between calls: users are signed by a key derived from the operator's signing
 * key and the account's id, so any orchestrator can renew and revoke what another made.
 * The private half of an account's identity is never used and not kept.
 */
export interface CredentialMint extends AsyncDisposable {
  /** @throws SpecfleetError `bus.refused` when the server does not take the account. */
  mint(scope: SandboxScope, options: { expiresAt: Date }): Promise<{ account: string; creds: string }>
  renew(account: string, scope: SandboxScope, options: { expiresAt: Date }): Promise<{ creds: string }>
  /** Once it resolves the server accepts nothing more of that account. Idempotent. */
  revoke(account: string): Promise<void>
  /** What the server's clock says: expiry is judged by it, whatever ours says. */
  serverTime(): Promise<Date>
  /** Sandbox accounts the server knows that import from our own: a server may serve more fleets. */
  accounts(): Promise<string[]>
}

export type MintOptions = {
  /** Connected with `systemCreds`. */
  system: Bus
  /** Connected with `orchestratorCreds`. */
  app: Bus
  operatorSigningSeed: string
  appAccountId: string
  now: () => Date
  /** Key pairs made ahead of need. Default 8. */
  spare?: number
}

const ANSWER_MS = 5_000
const Answer = z.object({
  data: z.object({ code: z.number(), message: z.string().default('') }).optional(),
  error: z.object({ code: z.number(), description: z.string().default('') }).optional(),
})
const Listed = z.object({ data: z.array(z.string()).nullable() })

export function openCredentialMint(options: MintOptions): CredentialMint {
  const { system, appAccountId, now } = options
  const operator = keyFromSeed('operator', options.operatorSigningSeed)
  const spares = new SpareKeys(options.spare ?? 8)
  const userOf = async (account: string, scope: SandboxScope, expiresAt: Date): Promise<string> => {
    const user = await spares.take('user')
    const jwt = signClaims(signingKey(operator, account), {
      subject: user.publicKey,
      name: sandboxAccountName(scope),
      issuedAt: now(),
      expiresAt,
      nats: { type: 'user', version: 2, pub: {}, sub: {}, subs: -1, data: -1, payload: -1, issuer_account: account },
    })
    return writeCreds(jwt, seedOf('user', user))
  }
  const push = (account: string, name: string, nats: AccountClaims): Promise<void> =>
    command(system, 'UPDATE', signClaims(operator, { subject: account, name, issuedAt: now(), nats }))
  return {
    async mint(scope, { expiresAt }) {
      const account = (await spares.take('account')).publicKey
      const claims = sandboxClaims(scope, appAccountId, signingKey(operator, account).publicKey)
      const [creds] = await Promise.all([
        userOf(account, scope, expiresAt),
        push(account, sandboxAccountName(scope), claims),
      ])
      return { account, creds }
    },
    async renew(account, scope, { expiresAt }) {
      return { creds: await userOf(checkedAccount(account), scope, expiresAt) }
    },
    async revoke(account) {
      await push(checkedAccount(account), `${SANDBOX_ACCOUNT_PREFIX}revoked`, revokedClaims())
      await connectionsGone(system, account)
      await settleStreams(options.app)
      await command(system, 'DELETE', deletion(operator, account, now()))
    },
    serverTime: () => serverTime(system),
    accounts: () => sandboxAccounts(system, appAccountId),
    [Symbol.asyncDispose]: () => spares.drain(),
  }
}

const signingKey = (operator: NKey, account: string): NKey =>
  deriveKey('account', operator, `specfleet sandbox users ${account}`)

function checkedAccount(account: string): string {
  if (isPublicKey('account', account)) return account
  throw new SpecfleetError('request.malformed', 'that is no account')
}

const deletion = (operator: NKey, account: string, issuedAt: Date): string =>
  signClaims(operator, {
    subject: operator.publicKey,
    name: 'delete',
    issuedAt,
    nats: { type: 'generic', version: 2, accounts: [account] },
  })

async function command(system: Bus, what: 'UPDATE' | 'DELETE', jwt: string): Promise<void> {
  const message = await system.request(`$SYS.REQ.CLAIMS.${what}`, jwt, { timeoutMs: ANSWER_MS })
  const answer = Answer.safeParse(message.json())
  const code = answer.data?.data?.code ?? 0
  if (code >= 200 && code < 300) return
  const reason = answer.data?.error?.description ?? answer.data?.data?.message ?? 'it gave no reason'
  throw new SpecfleetError('bus.refused', `the account was not taken: ${reason}`)
}

const Servers = z.object({ statsz: z.object({ active_servers: z.number().int().min(1) }) })
const Clocked = z.object({ server: z.object({ time: z.iso.datetime({ offset: true }) }) })

async function serverTime(system: Bus): Promise<Date> {
  const answer = await system.requestJson('$SYS.REQ.SERVER.PING.STATSZ', {}, { timeoutMs: ANSWER_MS })
  return new Date(Clocked.parse(answer).server.time)
}

const Connections = z.object({ data: z.object({ num_connections: z.number() }) })
const CLOSING_MS = 10_000
const LOOK_MS = 2_000

/** Waits until no server has a connection of the account: they close it right after they confirmed the update. */
async function connectionsGone(system: Bus, account: string): Promise<void> {
  const limit = AbortSignal.timeout(CLOSING_MS)
  const stats = await system.requestJson('$SYS.REQ.SERVER.PING.STATSZ', {}, { timeoutMs: ANSWER_MS })
  const max = Servers.parse(stats).statsz.active_servers
  for (let look = 1; ; look += 1) {
    let open = 0
    const answers = system.requestMany('$SYS.REQ.SERVER.PING.CONNZ', { acc: account }, { timeoutMs: LOOK_MS, max })
    for await (const answer of answers) open += Connections.parse(answer.json()).data.num_connections
    if (open === 0) return
    if (limit.aborted) throw new SpecfleetError('bus.timeout', `account ${account} still has ${open} connections`)
    await pause(retryDelay(look, 0.5), limit)
  }
}

const SETTLE_MS = 30_000
/** The server's code for "expected stream does not match". */
const OTHER_STREAM = 10060

/**
 * Waits until the streams have dealt with all they were given so far: each takes its
 * messages in one queue, so behind a message that it refuses without storing it, nothing
 * earlier is left.
 */
async function settleStreams(app: Bus): Promise<void> {
  const headers = { [HEADER.expectStream]: 'none' }
  const settle = (subject: string): Promise<void> =>
    retrying(natsBus(app), { limitMs: SETTLE_MS }, async () => {
      const reply = await app.request(subject, '', { timeoutMs: SETTLE_MS, headers })
      const answer = readApiAnswer(reply.data, z.unknown(), subject)
      if (answer.ok || answer.fault.errCode !== OTHER_STREAM) {
        throw new SpecfleetError(
          'bus.unreachable',
          `${subject}: ${answer.ok ? 'took a probe' : answer.fault.description}`,
        )
      }
    })
  await Promise.all(['sf.log.-.-.0.probe', 'sf.trace.-.-.0.probe', 'sf.turn.-.-.0'].map(settle))
}

const Imports = z.looseObject({ imports: z.array(z.looseObject({ account: z.string() })).default([]) })

async function sandboxAccounts(system: Bus, appAccountId: string): Promise<string[]> {
  const listed = Listed.parse(await system.requestJson('$SYS.REQ.CLAIMS.LIST', {}, { timeoutMs: ANSWER_MS }))
  const found: string[] = []
  for (const account of listed.data ?? []) {
    if (!isPublicKey('account', account)) continue
    const jwt = await system.request(`$SYS.REQ.ACCOUNT.${account}.CLAIMS.LOOKUP`, '', { timeoutMs: ANSWER_MS })
    const claims = readClaims(Buffer.from(jwt.data).toString('utf8'))
    if (!claims?.name?.startsWith(SANDBOX_ACCOUNT_PREFIX)) continue
    // One whose revocation was cut short imports nothing any more, and is anybody's to remove.
    const { imports } = Imports.parse(claims.nats)
    if (imports.every((each) => each.account === appAccountId)) found.push(account)
  }
  return found
}

/** Key pairs made on the thread pool before somebody needs one. */
class SpareKeys {
  readonly #made: Record<'account' | 'user', Promise<NKey>[]> = { account: [], user: [] }
  readonly #spare: number

  constructor(spare: number) {
    this.#spare = spare
    this.#fill('account')
    this.#fill('user')
  }

  take(role: 'account' | 'user'): Promise<NKey> {
    const key = this.#made[role].shift() ?? generateKey(role)
    this.#fill(role)
    return key
  }

  async drain(): Promise<void> {
    await Promise.allSettled([...this.#made.account, ...this.#made.user])
  }

  #fill(role: 'account' | 'user'): void {
    while (this.#made[role].length < this.#spare) this.#made[role].push(generateKey(role))
  }
}
