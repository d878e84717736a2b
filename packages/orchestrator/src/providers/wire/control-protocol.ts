/**
 * What orchestrators say to a forwarder over its control socket: one JSON object a line, answered
 * in order, one line each; what it says of itself comes in between. Only `node:*`, this folder and the
 * reader of the bus's protocol are loaded by the forwarder, which must stay small, so requests are
 * checked by hand.
 */
export type Upstream = { readonly host: string; readonly port: number }

export type ControlRequest =
  /** Holds the forwarder up for as long as this connection lives, and says where the bus is now. */
  | { readonly op: 'lease'; readonly upstreams: readonly Upstream[] }
  | { readonly op: 'open'; readonly name: string }
  | { readonly op: 'close'; readonly name: string }
  | { readonly op: 'list' }

/** One sandbox's wire, as the forwarder sees it. */
export type WireStatus = {
  readonly name: string
  readonly connections: number
  /** Connections turned away since the wire was opened: over a limit, or with no bus to reach. */
  readonly refused: number
}

/** What a sandbox was refused on its way to the bus; said to one holder of a lease, beside the replies. */
export type RefusedEvent = {
  readonly event: 'refused'
  readonly name: string
  /** The bus itself, or its wire. */
  readonly by: 'bus' | 'wire'
  /** How many since it was last said of that wire. */
  readonly count: number
  readonly lastReason: string
}

export type ControlReply =
  | { readonly ok: true; readonly pid: number; readonly wires?: readonly WireStatus[] }
  | { readonly ok: false; readonly error: string }

/** Name of the socket inside a sandbox's wire folder. */
export const WIRE_SOCKET = 'bus.sock'
/** Name of the wire folder inside a sandbox's folder. */
export const WIRE_FOLDER = 'wire'
export const CONTROL_SOCKET = 'control.sock'
/** What the forwarder prints when it, or one that was there before it, can be reached. */
export const READY_LINE = 'ready'
/** Longest request, in characters; whoever sends more is no orchestrator. */
export const MAX_REQUEST = 64 * 1024

const NAME = /^[A-Za-z0-9_-]{1,64}$/

/** `undefined` for anything that is no request. */
export function parseRequest(line: string): ControlRequest | undefined {
  const value = parseObject(line)
  if (value === undefined) return undefined
  switch (value.op) {
    case 'list':
      return { op: 'list' }
    case 'open':
    case 'close': {
      const { op, name } = value
      return typeof name === 'string' && NAME.test(name) ? { op, name } : undefined
    }
    case 'lease': {
      const given = value.upstreams
      if (!Array.isArray(given) || given.length === 0 || given.length > 64) return undefined
      const upstreams = given.map(parseUpstream)
      return upstreams.every((upstream) => upstream !== undefined) ? { op: 'lease', upstreams } : undefined
    }
    default:
      return undefined
  }
}

function parseUpstream(value: unknown): Upstream | undefined {
  if (!isObject(value)) return undefined
  const { host, port } = value
  if (typeof host !== 'string' || host === '' || host.length > 255) return undefined
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65_535) return undefined
  return { host, port }
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Cuts a byte stream into lines; tells when one grows past `most` characters. */
export function lineReader(
  most: number,
  onLine: (line: string) => void,
  onOverflow: () => void,
): (chunk: string) => void {
  let rest = ''
  return (chunk) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line !== '') onLine(line)
    if (rest.length > most) onOverflow()
  }
}
