import { WORKER_FACT_TYPES } from '../contract/facts/index.ts'
import { Epoch, RunId, SpecId } from '../contract/ids.ts'
import { DESK_SERVICES, subjects } from '../contract/subjects.ts'
import type { AccountClaims, AccountLimits } from './jwt.ts'
import { importOf } from './operator-kit.ts'

/** One incarnation: what one sandbox account is for. */
export type SandboxScope = { specId: SpecId; runId: RunId; epoch: Epoch }

/** Names of sandbox accounts begin so. */
export const SANDBOX_ACCOUNT_PREFIX = 'sf-'

/** Largest message a sandbox may send, in bytes. */
const MAX_PAYLOAD = 1024 * 1024
const LIMITS: AccountLimits = {
  subs: 50,
  data: -1,
  payload: MAX_PAYLOAD,
  imports: 32,
  exports: 0,
  wildcards: true,
  conn: 4,
  leaf: 0,
}

export const sandboxAccountName = ({ specId, runId, epoch }: SandboxScope): string =>
  `${SANDBOX_ACCOUNT_PREFIX}${specId}-${runId}-${epoch}`

/** Subjects a sandbox may publish on and those it may listen to. */
export function sandboxSubjects(scope: SandboxScope): { up: string[]; down: string[] } {
  const specId = SpecId.parse(scope.specId)
  const runId = RunId.parse(scope.runId)
  const epoch = Epoch.parse(scope.epoch)
  const own = { specId, runId, epoch }
  return {
    up: [
      ...WORKER_FACT_TYPES.map((type) => subjects.log(own, type)),
      subjects.trace(own, '>'),
      subjects.turn(own),
      subjects.beat(runId, epoch),
      subjects.taken(runId, epoch),
      ...DESK_SERVICES.flatMap((service) => [
        subjects.desk(runId, epoch, service),
        subjects.deskFrames(runId, epoch, service, '*'),
      ]),
    ],
    down: [subjects.control(runId, epoch), subjects.down(runId, epoch, '>')],
  }
}

/**
 * An account that knows nothing but one incarnation's subjects. Upwards they are service
 * imports, so a reply subject is never taken over as the sandbox wrote it; downwards they
 * are stream imports, which it cannot publish on.
 */
export function sandboxClaims(scope: SandboxScope, appAccountId: string, signingKey: string): AccountClaims {
  const { up, down } = sandboxSubjects(scope)
  return {
    type: 'account',
    version: 2,
    limits: LIMITS,
    imports: [
      ...up.map((subject) => importOf(appAccountId, 'service', subject)),
      ...down.map((subject) => importOf(appAccountId, 'stream', subject)),
    ],
    signing_keys: [signingKey],
    default_permissions: { pub: { allow: up }, sub: { allow: ['_INBOX.>', ...down] } },
  }
}

/** Later than any clock says. */
const FOR_EVER = Math.floor(Date.UTC(9999, 0) / 1000)

/** The same account with nothing left in it: no imports, no connection, no user, whenever it was issued. */
export function revokedClaims(): AccountClaims {
  return {
    type: 'account',
    version: 2,
    limits: { ...LIMITS, subs: 0, payload: 0, imports: 0, conn: 0, wildcards: false },
    revocations: { '*': FOR_EVER },
    default_permissions: { pub: { deny: ['>'] }, sub: { deny: ['>'] } },
  }
}
