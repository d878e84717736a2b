import { Command, GetRequest, ListRequest, WatchRequest } from '@specfleet/shared'
import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import { type CommandDesk, carryOut } from './command.ts'
import { readRequest, serveOperation } from './door.ts'
import { get, list, type QueryDesk, replay } from './queries.ts'
import { type SubmitDesk, submit } from './submit.ts'

export type ApiCollaborators = SubmitDesk & CommandDesk & QueryDesk & { readonly clock: Clock; readonly log: Log }

/** The operations of `sf.api`, each served by one of all orchestrators. */
export function openApi(desk: ApiCollaborators): AsyncDisposable {
  const stop = new AbortController()
  const { signal } = stop
  const doors = new DisposableStack()
  doors.use(
    serveOperation(desk, 'submit', async (message, reply) => {
      reply(await submit(desk, message.data, signal))
    }),
  )
  doors.use(
    serveOperation(desk, 'get', async (message, reply) => {
      reply(await get(desk, readRequest(message, GetRequest), signal))
    }),
  )
  doors.use(
    serveOperation(desk, 'list', async (message, reply) => {
      reply(await list(desk, readRequest(message, ListRequest)))
    }),
  )
  doors.use(
    serveOperation(desk, 'command', async (message, reply) => {
      const command = readRequest(message, Command)
      reply({ ok: true, specId: command.specId, ...(await carryOut(desk, command, signal)) })
    }),
  )
  doors.use(
    serveOperation(desk, 'watch', async (message, reply) => {
      await replay(desk, readRequest(message, WatchRequest), reply)
    }),
  )
  return {
    async [Symbol.asyncDispose]() {
      doors[Symbol.dispose]()
      stop.abort(new Error('the API closes'))
    },
  }
}
