/** Of what somebody else wrote, or only half wrote: `undefined` when it is no JSON. Pure. */
export function parseIfJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
