import { existsSync } from 'node:fs'
import { startNats } from '@specfleet/testkit'
import { connect } from 'nats'
import { expect, test } from 'vitest'

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
  const { home } = nats
  await nats.stop()
  expect(existsSync(home)).toBe(false)
})
