const MAX_LENGTH = 2048

/** The address in its normal form. Throws an error with `field` when it is not acceptable. */
export function validateUrl(value) {
  if (typeof value !== 'string' || value === '') throw invalid('url is required')
  if (value.length > MAX_LENGTH) throw invalid(`url is longer than ${MAX_LENGTH} characters`)
  let url
  try {
    url = new URL(value)
  } catch {
    throw invalid('url is not an absolute address')
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw invalid('url must be http or https')
  return url.href
}

function invalid(message) {
  return Object.assign(new Error(message), { status: 400, field: 'url' })
}
