/** Who may speak to a server: accounts vouched for by an operator, or anybody (tests only). */
export type NatsAuth =
  | {
      mode: 'operator'
      operatorJwt: string
      systemAccountId: string
      /** Folder in which the server keeps account JWTs; revocations must survive a restart. */
      resolverDir: string
      /** Accounts that the server knows from its first start: account id → account JWT. */
      preload: Readonly<Record<string, string>>
    }
  | { mode: 'open' }

export type NatsCluster = {
  name: string
  /** Address that other members connect to. */
  listen: string
  /** `nats://host:port` of every member's cluster address. */
  routes: readonly string[]
}

export type NatsServerConfig = {
  serverName: string
  host: string
  /** -1: the server chooses a free one and tells it in its ports file. */
  port: number
  /** The server puts its streams into `jetstream/` under it. */
  storeDir: string
  auth: NatsAuth
  pidFile?: string
  portsFileDir?: string
  log?: { file: string; maxBytes: number; maxFiles: number }
  cluster?: NatsCluster
}

/** The payload limit that chunking is built on, in bytes. */
const MAX_PAYLOAD_BYTES = 1_048_576

/**
 * The text of a server's configuration file. Every write is synced to disk before it is acknowledged,
 * because the log is the only truth there is.
 */
export function natsConfig(config: NatsServerConfig): string {
  const lines = [
    `server_name: ${quote(config.serverName)}`,
    `host: ${quote(config.host)}`,
    `port: ${config.port}`,
    `max_payload: ${MAX_PAYLOAD_BYTES}`,
    ...optional('pid_file', config.pidFile),
    ...optional('ports_file_dir', config.portsFileDir),
    ...logLines(config.log),
    '',
    'jetstream {',
    `  store_dir: ${quote(config.storeDir)}`,
    '  sync_interval: always',
    '}',
    ...clusterLines(config.cluster),
    ...authLines(config.auth),
  ]
  return `${lines.join('\n')}\n`
}

/** A string as the configuration language reads it: double quotes with backslash escapes, as in JSON. */
const quote = (text: string): string => JSON.stringify(text)

const optional = (key: string, value: string | undefined): string[] =>
  value === undefined ? [] : [`${key}: ${quote(value)}`]

function logLines(log: NatsServerConfig['log']): string[] {
  if (log === undefined) return []
  return [`log_file: ${quote(log.file)}`, `log_size_limit: ${log.maxBytes}`, `log_max_num: ${log.maxFiles}`]
}

function clusterLines(cluster: NatsCluster | undefined): string[] {
  if (cluster === undefined) return []
  return [
    '',
    'cluster {',
    `  name: ${quote(cluster.name)}`,
    `  listen: ${quote(cluster.listen)}`,
    '  routes: [',
    ...cluster.routes.map((route) => `    ${quote(route)}`),
    '  ]',
    '}',
  ]
}

function authLines(auth: NatsAuth): string[] {
  if (auth.mode === 'open') return []
  return [
    '',
    `operator: ${quote(auth.operatorJwt)}`,
    `system_account: ${auth.systemAccountId}`,
    'resolver {',
    '  type: full',
    `  dir: ${quote(auth.resolverDir)}`,
    '  allow_delete: true',
    // else every account that was deleted leaves its JWT behind under another name
    '  hard_delete: true',
    '}',
    'resolver_preload {',
    ...Object.entries(auth.preload).map(([account, jwt]) => `  ${account}: ${quote(jwt)}`),
    '}',
  ]
}
