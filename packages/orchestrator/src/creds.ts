import { SpecfleetError } from '@specfleet/shared'
import * as z from 'zod'

const Claims = z.looseObject({
  iss: z.string(),
  nats: z.looseObject({ issuer_account: z.string().optional() }),
})

/**
 * The account whose user a NATS credentials file is for.
 * @throws SpecfleetError `config.invalid` when the file holds no user JWT.
 */
export function accountOf(creds: string): string {
  const token = /-----BEGIN NATS USER JWT-----\s+([\w-]+)\.([\w-]+)\.([\w-]+)/.exec(creds)?.[2]
  const claims = Claims.safeParse(token === undefined ? undefined : readJson(token))
  if (!claims.success) throw new SpecfleetError('config.invalid', 'NATS_CREDS: the file holds no NATS user JWT')
  return claims.data.nats.issuer_account ?? claims.data.iss
}

function readJson(base64url: string): unknown {
  try {
    return JSON.parse(Buffer.from(base64url, 'base64url').toString('utf8'))
  } catch {
    return undefined
  }
}
