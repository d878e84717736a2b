/** Reads the configuration from environment variables. Throws when one is not usable. */
export function readConfig(env) {
  const port = Number(env.PORT ?? 8080)
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new Error(`PORT must be a port number, not "${env.PORT}"`)
  }
  return { host: env.HOST ?? '127.0.0.1', port, dataFile: env.DATA_FILE ?? 'data/links.json' }
}
