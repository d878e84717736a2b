import { readJsonBody } from './json-body.js'
import { isShortCode, newShortCode } from './short-code.js'
import { validateUrl } from './url-validation.js'

const NOT_FOUND = { status: 404, body: { error: 'there is no such link' } }

/** What the service answers: each route gets the request and the parts of its path. */
export function createRoutes({ store, now }) {
  return [
    { method: 'POST', pattern: /^\/api\/links$/, handle: createLink },
    { method: 'GET', pattern: /^\/api\/links\/([^/]+)$/, handle: showLink },
    { method: 'DELETE', pattern: /^\/api\/links\/([^/]+)$/, handle: removeLink },
    { method: 'GET', pattern: /^\/([^/]+)$/, handle: followLink },
  ]

  async function createLink(request) {
    const { url } = await readJsonBody(request)
    const link = { code: newShortCode(), url: validateUrl(url), createdAt: now().toISOString(), visits: 0 }
    return { status: 201, body: await store.add(link) }
  }

  async function showLink(_request, code) {
    const link = isShortCode(code) ? store.find(code) : undefined
    return link === undefined ? NOT_FOUND : { status: 200, body: link }
  }

  async function removeLink(_request, code) {
    return (await store.remove(code)) ? { status: 204 } : NOT_FOUND
  }

  async function followLink(_request, code) {
    const link = isShortCode(code) ? await store.countVisit(code) : undefined
    return link === undefined ? NOT_FOUND : { status: 302, headers: { location: link.url } }
  }
}
