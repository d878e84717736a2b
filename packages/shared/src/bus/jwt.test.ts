import { expect, test } from 'vitest'
import { readCreds, writeCreds } from './creds-file.ts'
import { readClaims, signClaims } from './jwt.ts'
import { generateKeySync, seedOf } from './nkey.ts'
import { createOperatorKit, preloadOf } from './operator-kit.ts'

const NOW = new Date('2026-11-20T12:00:00.500Z')
const operator = generateKeySync('operator')
const account = generateKeySync('account')

function accountJwt(): string {
  return signClaims(operator, {
    subject: account.publicKey,
    name: 'sf-x',
    issuedAt: NOW,
    expiresAt: new Date('2026-11-20T13:00:00Z'),
    nats: { type: 'operator', version: 2, signing_keys: [], system_account: account.publicKey },
  })
}

test('claims are read back with times in whole seconds', () => {
  expect(readClaims(accountJwt())).toMatchObject({
    iss: operator.publicKey,
    sub: account.publicKey,
    name: 'sf-x',
    iat: Date.parse('2026-11-20T12:00:00Z') / 1000,
    exp: Date.parse('2026-11-20T13:00:00Z') / 1000,
  })
})

test('claims that their issuer did not sign are none', () => {
  const [header = '', , signature = ''] = accountJwt().split('.')
  const forged = Buffer.from(JSON.stringify({ ...readClaims(accountJwt()), name: 'SYS' })).toString('base64url')
  expect(readClaims(`${header}.${forged}.${signature}`)).toBeUndefined()
  const none = Buffer.from(JSON.stringify({ typ: 'JWT', alg: 'none' })).toString('base64url')
  expect(readClaims(`${none}.${accountJwt().split('.')[1]}.`)).toBeUndefined()
  for (const text of ['', 'a.b', 'a.b.c', `${accountJwt()}.x`]) expect(readClaims(text)).toBeUndefined()
})

test('a credentials file is read back, also with other line ends and text around it', () => {
  const user = generateKeySync('user')
  const seed = seedOf('user', user)
  const text = writeCreds('aaa.bbb.ccc', seed)
  expect(readCreds(text)).toEqual({ jwt: 'aaa.bbb.ccc', seed })
  expect(readCreds(`# for x\r\n${text.replaceAll('\n', '\r\n')}`)).toEqual({ jwt: 'aaa.bbb.ccc', seed })
  expect(() => readCreds(text.slice(0, 40))).toThrow('hold no user JWT')
})

test('the operator kit signs every account with its signing key and does not hold the root', () => {
  const kit = createOperatorKit(NOW)
  const root = readClaims(kit.operatorJwt)
  expect(root?.iss).toBe(root?.sub)
  expect(root?.nats).toMatchObject({ type: 'operator', system_account: kit.systemAccountId })
  for (const [id, jwt] of Object.entries(preloadOf(kit))) {
    const claims = readClaims(jwt)
    expect(claims?.sub).toBe(id)
    expect(claims?.iss).not.toBe(root?.sub)
    expect(root?.nats.signing_keys).toContain(claims?.iss)
  }
  for (const [creds, issuer] of [
    [kit.systemCreds, kit.systemAccountId],
    [kit.orchestratorCreds, kit.appAccountId],
    [kit.clientCreds, kit.clientAccountId],
  ] as const) {
    expect(readClaims(readCreds(creds).jwt)?.iss).toBe(issuer)
  }
})
