import { subjects } from '../contract/subjects.ts'
import { writeCreds } from './creds-file.ts'
import { type AccountExport, type AccountImport, type AccountLimits, type Permissions, signClaims } from './jwt.ts'
import { generateKeySync, type NKey, seedOf } from './nkey.ts'
import { toldSubject } from './streams.ts'

/** All a server's configuration and a fleet need; every field is text. The operator's root key is not kept. */
export type OperatorKit = {
  operatorJwt: string
  /** Signs accounts. Whoever holds it owns the fleet's bus. */
  operatorSigningSeed: string
  systemAccountId: string
  systemAccountJwt: string
  /** For the credential mint only. */
  systemCreds: string
  appAccountId: string
  appAccountJwt: string
  /** Everything in the account of the orchestrators. */
  orchestratorCreds: string
  clientAccountId: string
  clientAccountJwt: string
  /** For people and programs: submit tasks, ask the API, watch the log and the trace. */
  clientCreds: string
}

const UNLIMITED: AccountLimits = {
  subs: -1,
  data: -1,
  payload: -1,
  imports: -1,
  exports: -1,
  wildcards: true,
  conn: -1,
  leaf: -1,
}
const JETSTREAM = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 }

const service = (subject: string, response_type: 'Singleton' | 'Stream'): AccountExport => ({
  name: `service ${subject}`,
  subject,
  type: 'service',
  response_type,
})
const stream = (subject: string): AccountExport => ({ name: `stream ${subject}`, subject, type: 'stream' })

/**
 * What other accounts may import from the orchestrators'. One answer crosses the border
 * for each message to a `Singleton` service; that suffices for acknowledgements. Only
 * holders of the operator's signing key make accounts, so no export needs a token.
 */
const EXPORTS: AccountExport[] = [
  service('sf.log.>', 'Singleton'),
  service('sf.trace.>', 'Singleton'),
  service('sf.turn.>', 'Singleton'),
  service('sf.beat.>', 'Singleton'),
  service('sf.desk.>', 'Singleton'),
  service('sf.task.>', 'Singleton'),
  service('sf.api.>', 'Stream'),
  stream('sf.ctl.>'),
  stream('sf.down.>'),
  stream(toldSubject(subjects.logs)),
  stream(toldSubject(subjects.traces)),
]

const CLIENT_SERVICES = ['sf.task.>', 'sf.api.>']
const CLIENT_STREAMS = [subjects.logs, subjects.traces]
const CLIENT_PERMISSIONS: Permissions = {
  pub: { allow: CLIENT_SERVICES },
  sub: { allow: ['_INBOX.>', ...CLIENT_STREAMS] },
}

/** An import under the subject's own name, whatever its exporter calls it. */
export const importOf = (
  account: string,
  type: 'service' | 'stream',
  subject: string,
  exported = subject,
): AccountImport => ({
  name: `${type} ${subject}`,
  subject: exported,
  local_subject: subject,
  account,
  type,
})

function userCreds(account: NKey, name: string, now: Date, permissions: Permissions = { pub: {}, sub: {} }): string {
  const user = generateKeySync('user')
  const jwt = signClaims(account, {
    subject: user.publicKey,
    name,
    issuedAt: now,
    nats: { ...permissions, type: 'user', version: 2, subs: -1, data: -1, payload: -1 },
  })
  return writeCreds(jwt, seedOf('user', user))
}

/** A new trust root with its three standing accounts; sandboxes get theirs from the credential mint. */
export function createOperatorKit(now: Date): OperatorKit {
  const root = generateKeySync('operator')
  const signing = generateKeySync('operator')
  const system = generateKeySync('account')
  const app = generateKeySync('account')
  const client = generateKeySync('account')
  const account = (
    key: NKey,
    name: string,
    rest: { limits: AccountLimits; exports?: AccountExport[]; imports?: AccountImport[] },
  ) =>
    signClaims(signing, { subject: key.publicKey, name, issuedAt: now, nats: { ...rest, type: 'account', version: 2 } })
  return {
    operatorJwt: signClaims(root, {
      subject: root.publicKey,
      name: 'specfleet',
      issuedAt: now,
      nats: { type: 'operator', version: 2, signing_keys: [signing.publicKey], system_account: system.publicKey },
    }),
    operatorSigningSeed: seedOf('operator', signing),
    systemAccountId: system.publicKey,
    systemAccountJwt: account(system, 'SYS', { limits: UNLIMITED }),
    systemCreds: userCreds(system, 'credential-mint', now),
    appAccountId: app.publicKey,
    appAccountJwt: account(app, 'SPECFLEET', { limits: { ...UNLIMITED, ...JETSTREAM }, exports: EXPORTS }),
    orchestratorCreds: userCreds(app, 'orchestrator', now),
    clientAccountId: client.publicKey,
    clientAccountJwt: account(client, 'SPECFLEET-CLIENTS', {
      limits: UNLIMITED,
      imports: [
        ...CLIENT_SERVICES.map((subject) => importOf(app.publicKey, 'service', subject)),
        ...CLIENT_STREAMS.map((subject) => importOf(app.publicKey, 'stream', subject, toldSubject(subject))),
      ],
    }),
    clientCreds: userCreds(client, 'client', now, CLIENT_PERMISSIONS),
  }
}

/** The accounts a server's resolver must know from its start, by their ids. */
export const preloadOf = (kit: OperatorKit): Record<string, string> => ({
  [kit.systemAccountId]: kit.systemAccountJwt,
  [kit.appAccountId]: kit.appAccountJwt,
  [kit.clientAccountId]: kit.clientAccountJwt,
})
