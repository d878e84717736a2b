import { connect } from 'node:net'
import { SpecfleetError } from '@specfleet/shared'
import * as z from 'zod'

/** What a NATS server says of itself to whoever connects, before any credential is asked for. */
const ServerInfo = z.object({ server_id: z.string(), server_name: z.string(), version: z.string() })
export type ServerInfo = z.infer<typeof ServerInfo>

/** The greeting is one line; one this long is not NATS. */
const GREETING_LIMIT = 64 * 1024

/**
 * Connects to `host:port`, reads the greeting and hangs up.
 * @throws SpecfleetError `bus.unreachable` when nobody listens there or what listens is no NATS server
 */
export async function readServerInfo(host: string, port: number, signal: AbortSignal): Promise<ServerInfo> {
  const where = `${host}:${port}`
  const socket = connect({ host, port, signal })
  try {
    let received = ''
    for await (const chunk of socket.setEncoding('utf8')) {
      received += String(chunk)
      if (received.includes('\n') || received.length > GREETING_LIMIT) break
    }
    return parseGreeting(received, where)
  } catch (error) {
    if (error instanceof SpecfleetError) throw error
    throw new SpecfleetError('bus.unreachable', where, { cause: error })
  } finally {
    socket.destroy()
  }
}

function parseGreeting(received: string, where: string): ServerInfo {
  const json = /^INFO (\{.*\})/.exec(received)?.[1]
  if (json === undefined) throw new SpecfleetError('bus.unreachable', `${where} is not a NATS server`)
  return ServerInfo.parse(JSON.parse(json))
}
