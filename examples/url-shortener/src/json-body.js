const MAX_BYTES = 16 * 1024

/** The JSON body of a request. Throws an error with `status` when it is too large or no JSON object. */
export async function readJsonBody(request) {
  const chunks = []
  let size = 0
  for await (const chunk of request) {
    size += chunk.length
    if (size > MAX_BYTES) throw Object.assign(new Error('body is too large'), { status: 413 })
    chunks.push(chunk)
  }
  let body
  try {
    body = JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch {
    throw Object.assign(new Error('body is not JSON'), { status: 400 })
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw Object.assign(new Error('body is no JSON object'), { status: 400 })
  }
  return body
}
