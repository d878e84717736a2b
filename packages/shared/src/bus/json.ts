const decoder = new TextDecoder('utf-8', { fatal: true })

/** A payload as JSON; `undefined` when it is none. */
export function parseJson(data: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(data))
  } catch {
    return undefined
  }
}
