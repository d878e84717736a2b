import { expect, test } from 'vitest'
import { type NatsServerConfig, natsConfig } from './nats-config.ts'

const open: NatsServerConfig = {
  serverName: 'one',
  host: '127.0.0.1',
  port: -1,
  storeDir: '/data/with "quotes" and \\',
  auth: { mode: 'open' },
}

test('a server without accounts syncs every write and quotes what it is given', () => {
  expect(natsConfig(open)).toBe(`server_name: "one"
host: "127.0.0.1"
port: -1
max_payload: 1048576

jetstream {
  store_dir: "/data/with \\"quotes\\" and \\\\"
  sync_interval: always
}
`)
})

test('a member of a cluster names its accounts, its resolver and its routes', () => {
  const text = natsConfig({
    ...open,
    auth: {
      mode: 'operator',
      operatorJwt: 'OPERATOR.JWT',
      systemAccountId: 'ASYS',
      resolverDir: '/data/accounts',
      preload: { ASYS: 'SYS.JWT', AAPP: 'APP.JWT' },
    },
    pidFile: '/data/pid',
    portsFileDir: '/data/ports',
    log: { file: '/data/log', maxBytes: 1_000, maxFiles: 2 },
    cluster: { name: 'fleet', listen: '0.0.0.0:6222', routes: ['nats://a:6222', 'nats://b:6222'] },
  })
  expect(text).toContain('pid_file: "/data/pid"\nports_file_dir: "/data/ports"\n')
  expect(text).toContain('log_file: "/data/log"\nlog_size_limit: 1000\nlog_max_num: 2\n')
  expect(text).toContain('  routes: [\n    "nats://a:6222"\n    "nats://b:6222"\n  ]\n')
  expect(text).toContain('operator: "OPERATOR.JWT"\nsystem_account: ASYS\n')
  expect(text).toContain('  type: full\n  dir: "/data/accounts"\n  allow_delete: true\n  hard_delete: true\n')
  expect(text).toContain('resolver_preload {\n  ASYS: "SYS.JWT"\n  AAPP: "APP.JWT"\n}\n')
})
