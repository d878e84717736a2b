import { SpecfleetError } from '../contract/errors.ts'
import type { Bus } from './connection.ts'
import type { SandboxScope } from './sandbox-account.ts'

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
