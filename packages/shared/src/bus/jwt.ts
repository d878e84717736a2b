import * as z from 'zod'
import { claimDigest, type NKey, signWith, verifySignature } from './nkey.ts'

/** Claims of NATS JWT version 2, as far as they are used here. Times are seconds since 1970. */
export type Permission = { allow?: string[]; deny?: string[] }
export type Permissions = { pub: Permission; sub: Permission }

export type AccountImport = {
  name: string
  /** The subject as the exporting account knows it; ours is the same. */
  subject: string
  account: string
  local_subject: string
  type: 'service' | 'stream'
}
export type AccountExport = {
  name: string
  subject: string
  type: 'service' | 'stream'
  response_type?: 'Singleton' | 'Stream' | 'Chunked'
}

/** -1 is without limit. All are stated: what is left out counts as 0 on some servers. */
export type AccountLimits = {
  subs: number
  data: number
  payload: number
  imports: number
  exports: number
  wildcards: boolean
  conn: number
  leaf: number
  mem_storage?: number
  disk_storage?: number
  streams?: number
  consumer?: number
}

export type AccountClaims = {
  type: 'account'
  version: 2
  imports?: AccountImport[]
  exports?: AccountExport[]
  limits: AccountLimits
  signing_keys?: string[]
  /** Users by public key, or `*`, whose JWT was issued at or before that time. */
  revocations?: Record<string, number>
  default_permissions?: Permissions
  tags?: string[]
}
export type OperatorClaims = { type: 'operator'; version: 2; signing_keys: string[]; system_account: string }
export type UserClaims = Permissions & {
  type: 'user'
  version: 2
  subs: number
  data: number
  payload: number
  issuer_account?: string
}

/** Asks a resolver to forget accounts. */
export type DeletionClaims = { type: 'generic'; version: 2; accounts: string[] }

export type ClaimsToSign = {
  subject: string
  name: string
  issuedAt: Date
  expiresAt?: Date
  nats: AccountClaims | OperatorClaims | UserClaims | DeletionClaims
}

const seconds = (date: Date): number => Math.floor(date.getTime() / 1000)
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value), 'utf8').toString('base64url')

export function signClaims(issuer: NKey, claims: ClaimsToSign): string {
  const body = {
    iat: seconds(claims.issuedAt),
    iss: issuer.publicKey,
    name: claims.name,
    sub: claims.subject,
    ...(claims.expiresAt === undefined ? {} : { exp: seconds(claims.expiresAt) }),
    nats: claims.nats,
  }
  const signed = `${encode({ typ: 'JWT', alg: 'ed25519-nkey' })}.${encode({ jti: claimDigest(JSON.stringify(body)), ...body })}`
  return `${signed}.${signWith(issuer, signed).toString('base64url')}`
}

const Header = z.object({ typ: z.literal('JWT'), alg: z.literal('ed25519-nkey') })
const Body = z.looseObject({
  iss: z.string(),
  sub: z.string(),
  name: z.string().optional(),
  iat: z.number(),
  exp: z.number().optional(),
  nats: z.looseObject({ type: z.string(), tags: z.array(z.string()).optional() }),
})
export type ReadClaims = z.infer<typeof Body>

const jsonOf = (part: string): unknown => {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
  } catch {
    return undefined
  }
}

/** The claims of a JWT that its stated issuer did sign; `undefined` for anything else. */
export function readClaims(jwt: string): ReadClaims | undefined {
  const [header = '', body = '', signature = '', ...rest] = jwt.trim().split('.')
  if (rest.length > 0 || !Header.safeParse(jsonOf(header)).success) return undefined
  const claims = Body.safeParse(jsonOf(body))
  if (!claims.success) return undefined
  const valid = verifySignature(claims.data.iss, `${header}.${body}`, Buffer.from(signature, 'base64url'))
  return valid ? claims.data : undefined
}
