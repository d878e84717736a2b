/** A bus that is reached by a unix socket. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BusStatus, connectBus } from '@specfleet/shared'
import { startNats } from '@specfleet/testkit'
import { expect, it, onTestFinished } from 'vitest'
import { startRelay } from './unix-relay.ts'

it('speaks through it, and finds its way again when it was cut, beside a bus on TCP', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'specfleet-unix-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const path = join(folder, 'bus.sock')
  await using nats = await startNats()
  const common = { creds: nats.orchestratorCreds }
  const to = { ...common, url: `unix:${path}`, name: 'inside' }
  await expect(connectBus(to)).rejects.toMatchObject({ code: 'bus.unreachable' })

  await using relay = await startRelay(path, nats.port)
  const reconnected = Promise.withResolvers<void>()
  const onStatus = ({ kind }: BusStatus) => (kind === 'reconnected' ? reconnected.resolve() : undefined)
  await using inside = await connectBus({ ...to, onStatus })
  // Connected behind it: how one dials is no affair of the other.
  await using outside = await connectBus({ ...common, url: nats.url, name: 'outside' })
  outside.subscribe('sf.test.echo', (message) => message.respond(message.data))
  await outside.flush()
  expect(await inside.requestJson('sf.test.echo', { said: 1 }, { timeoutMs: 5_000 })).toEqual({ said: 1 })
  relay.cut()
  await reconnected.promise
  expect(relay.connections).toBe(2)
  expect(await inside.requestJson('sf.test.echo', { said: 2 }, { timeoutMs: 5_000 })).toEqual({ said: 2 })
})
