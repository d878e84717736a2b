import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { cacheFolder, type EmbeddedNats, embeddedAddress, startEmbeddedNats } from '@specfleet/cli/embedded'
import { startNats } from '@specfleet/testkit'
import { connect, credsAuthenticator } from 'nats'
import { expect, onTestFinished, test } from 'vitest'
import { identityOf } from '../../packages/cli/src/embedded/process-identity.ts'

const search = {
  path: process.env.PATH ?? '',
  cacheDir: cacheFolder({
    platform: process.platform,
    home: homedir(),
    xdgCacheHome: process.env.XDG_CACHE_HOME,
  }),
  report: () => undefined,
}

async function temporaryHome(): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'specfleet-embedded-'))
  onTestFinished(() => rm(home, { recursive: true, force: true }))
  return home
}

async function joinServer(home: string, report: (line: string) => void = search.report): Promise<EmbeddedNats> {
  const nats = await startEmbeddedNats({ ...search, report, home, signal: new AbortController().signal })
  onTestFinished(() => nats.stop())
  return nats
}

/** Connects as the fleet does and says which server answered. */
async function greet(nats: EmbeddedNats): Promise<string> {
  const creds = await readFile(nats.keys.orchestratorCreds)
  const connection = await connect({ servers: nats.url, authenticator: credsAuthenticator(creds) })
  await connection.flush()
  const name = connection.info?.server_name ?? ''
  await connection.close()
  return name
}

const isRunning = (pid: number): boolean => identityOf(pid) !== undefined

test('the first to come starts the server, the last to leave stops it', async () => {
  const home = await temporaryHome()
  const [first, second, third] = await Promise.all([joinServer(home), joinServer(home), joinServer(home)])
  expect(new Set([first.pid, second.pid, third.pid]).size).toBe(1)
  await first.stop()
  await second.stop()
  expect(await greet(third)).toMatch(/^specfleet-/)
  expect(await embeddedAddress(home)).toEqual({ url: third.url, keys: third.keys })
  await third.stop()
  expect(isRunning(third.pid)).toBe(false)
  expect(await embeddedAddress(home)).toBeUndefined()
})

test('keys are for their owner only, and name, keys and port stay over a restart', async () => {
  const home = await temporaryHome()
  const before = await joinServer(home)
  const name = await greet(before)
  for (const file of Object.values(before.keys)) expect((await stat(file)).mode & 0o777).toBe(0o600)
  const creds = await readFile(before.keys.clientCreds, 'utf8')
  await before.stop()
  const after = await joinServer(home)
  expect(after.url).toBe(before.url)
  expect(await greet(after)).toBe(name)
  expect(await readFile(after.keys.clientCreds, 'utf8')).toBe(creds)
})

test('nobody comes in without credentials', async () => {
  const nats = await joinServer(await temporaryHome())
  await expect(connect({ servers: nats.url, reconnect: false })).rejects.toThrow(/authorization/i)
})

test('a killed server is brought back on its port by the process that started it', async () => {
  const reports = Promise.withResolvers<string>()
  const home = await temporaryHome()
  const nats = await joinServer(home, reports.resolve)
  const { pid, url } = nats
  const creds = await readFile(nats.keys.orchestratorCreds)
  const connection = await connect({
    servers: url,
    authenticator: credsAuthenticator(creds),
    maxReconnectAttempts: -1,
    reconnectTimeWait: 20,
  })
  const reconnected = (async () => {
    for await (const status of connection.status()) if (status.type === 'reconnect') return
  })()
  process.kill(pid, 'SIGKILL')
  expect(await reports.promise).toContain('starting it again')
  await reconnected
  expect(nats.pid).not.toBe(pid)
  expect(nats.url).toBe(url)
  await connection.close()
})

test('any user can bring a killed server back, all at once', async () => {
  const home = await temporaryHome()
  const users = await Promise.all([joinServer(home), joinServer(home), joinServer(home)])
  process.kill(users[0].pid, 'SIGKILL')
  await Promise.all(users.map((user) => user.ensureRunning()))
  expect(new Set(users.map((user) => user.pid)).size).toBe(1)
  expect(await greet(users[1])).toMatch(/^specfleet-/)
})

test('a port that another program took is given up', async () => {
  const home = await temporaryHome()
  const before = await joinServer(home)
  await before.stop()
  const other = createServer().listen(before.port, '127.0.0.1')
  onTestFinished(() => void other.close())
  await once(other, 'listening')
  const after = await joinServer(home)
  expect(after.port).not.toBe(before.port)
  expect(await greet(after)).toMatch(/^specfleet-/)
})

const JOIN_IN_A_PROCESS = `
  const { startEmbeddedNats } = await import('@specfleet/cli/embedded')
  const options = JSON.parse(process.argv[1])
  const report = () => undefined
  const nats = await startEmbeddedNats({ ...options, report, signal: new AbortController().signal })
  process.once('message', async () => {
    await nats.stop()
    process.exit()
  })
  process.send({ pid: nats.pid })
`

/** A process of its own that joined the server, as a second `specfleet up` would. */
async function joinInAProcess(home: string) {
  const options = JSON.stringify({ home, path: search.path, cacheDir: search.cacheDir })
  const child = spawn(process.execPath, ['--input-type=module', '-e', JOIN_IN_A_PROCESS, options], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [message] = await Promise.race([once(child, 'message'), once(child, 'exit').then(([code]) => [{ code }])])
  expect(message).toHaveProperty('pid')
  return { child, pid: Number(message.pid) }
}

test('of processes that start at once exactly one starts the server, and it outlives that one', async () => {
  const home = await temporaryHome()
  const users = await Promise.all([joinInAProcess(home), joinInAProcess(home), joinInAProcess(home)])
  const [pid = 0] = new Set(users.map((user) => user.pid))
  expect(users.map((user) => user.pid)).toEqual([pid, pid, pid])
  for (const { child } of users) {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  expect(isRunning(pid)).toBe(true)
  const last = await joinServer(home)
  expect(last.pid).toBe(pid)
  await last.stop()
  expect(isRunning(pid)).toBe(false)
})

test('a process that leaves in order stops the server when it was the last', async () => {
  const { child, pid } = await joinInAProcess(await temporaryHome())
  child.send('leave')
  await once(child, 'exit')
  expect(isRunning(pid)).toBe(false)
})

test('a server that cannot start says why', async () => {
  const home = await temporaryHome()
  const nats = await joinServer(home)
  await nats.stop()
  const identities = join(home, 'nats', 'keys', 'operator.json')
  const kit = JSON.parse(await readFile(identities, 'utf8'))
  await writeFile(identities, JSON.stringify({ ...kit, operatorJwt: 'no operator' }))
  await expect(joinServer(home)).rejects.toThrow(/did not start.*operator/)
})

test('keys that are there are never replaced', async () => {
  const home = await temporaryHome()
  await mkdir(join(home, 'nats', 'keys', 'of-another'), { recursive: true })
  await expect(joinServer(home)).rejects.toThrow(/holds other keys/)
})

test('a test server keeps its port and its data over a kill', async () => {
  await using nats = await startNats({ auth: false })
  const before = nats.pid
  await nats.kill9()
  await expect(connect({ servers: nats.url, reconnect: false })).rejects.toThrow()
  await nats.restart()
  expect(nats.pid).not.toBe(before)
  const connection = await connect({ servers: nats.url })
  await connection.flush()
  await connection.close()
  await nats.stop()
  expect(existsSync(nats.home)).toBe(false)
})

test('a secured test server lets its own credentials in, and a frozen one falls silent', async () => {
  await using nats = await startNats()
  const authenticator = credsAuthenticator(new TextEncoder().encode(nats.orchestratorCreds))
  const connection = await connect({ servers: nats.url, authenticator })
  onTestFinished(() => connection.close())
  await nats.freeze()
  const answer = connection.rtt().then(() => 'answered')
  expect(await Promise.race([answer, once(AbortSignal.timeout(300), 'abort').then(() => 'silent')])).toBe('silent')
  nats.thaw()
  expect(await answer).toBe('answered')
})
