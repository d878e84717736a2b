import { SpecfleetError } from '../contract/errors.ts'
import type { Epoch, RunId, SpecId } from '../contract/ids.ts'
import type { Bus } from './connection.ts'

/** All a server's configuration and a fleet need; every field is text. The operator's root key is not kept. */
export type OperatorKit = {
  operatorJwt: string
  /** Signs accounts. Whoever holds it owns the fleet's bus. */
  operatorSigningSeed: string
  systemAccountId: string
  systemAccountJwt: string
  systemCreds: string
  appAccountId: string
  appAccountJwt: string
  orchestratorCreds: string
  clientCreds: string
}

export function createOperatorKit(now: Date): OperatorKit {
  throw new SpecfleetError('internal', now.toISOString())
}

export type SandboxScope = { specId: SpecId; runId: RunId; epoch: Epoch }

export interface CredentialMint extends AsyncDisposable {
  mint(scope: SandboxScope, options: { expiresAt: Date }): Promise<{ account: string; creds: string }>
  renew(account: string, scope: SandboxScope, options: { expiresAt: Date }): Promise<{ creds: string }>
  /** Once it resolves the server accepts nothing more of that account. Idempotent. */
  revoke(account: string): Promise<void>
  /** Sandbox accounts the server knows. */
  accounts(): Promise<string[]>
}

export type MintOptions = {
  /** Connected with `systemCreds`. */
  system: Bus
  operatorSigningSeed: string
  appAccountId: string
  now: () => Date
  /** Key pairs made ahead of need. Default 8. */
  spare?: number
}

export function openCredentialMint(options: MintOptions): CredentialMint {
  throw new SpecfleetError('internal', options.appAccountId)
}
