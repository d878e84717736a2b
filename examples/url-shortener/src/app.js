import { createServer } from 'node:http'
import { createRoutes } from './routes.js'

/** The HTTP server of the service, not yet listening. */
export function createApp({ store, now = () => new Date() }) {
  const routes = createRoutes({ store, now })

  async function answer(request) {
    const { pathname } = new URL(request.url, 'http://localhost')
    for (const { method, pattern, handle } of routes) {
      const match = method === request.method ? pattern.exec(pathname) : null
      if (match !== null) return handle(request, ...match.slice(1).map(decodeURIComponent))
    }
    return { status: 404, body: { error: 'there is no such resource' } }
  }

  return createServer(async (request, response) => {
    let result
    try {
      result = await answer(request)
    } catch (error) {
      const status = error.status ?? (error instanceof URIError ? 400 : 500)
      result = { status, body: { error: status === 500 ? 'something went wrong' : error.message, field: error.field } }
    }
    const { status, headers = {}, body } = result
    response.writeHead(status, body === undefined ? headers : { ...headers, 'content-type': 'application/json' })
    response.end(body === undefined ? undefined : JSON.stringify(body))
  })
}
