import { newId, subjects } from '@specfleet/shared'
import type { Infiltration } from './infiltrate.ts'
import { publish, type RawClient } from './raw-client.ts'

const repeated = (message: string, times = 500): (() => string) => {
  const many = message.repeat(times)
  return () => many
}

/** What a sandbox can send without end, by what it is. */
export const FLOODS: Readonly<Record<string, (hostile: Infiltration) => () => string>> = {
  'small messages': ({ scope }) => repeated(publish(subjects.trace(scope, 'agent.message'), 'x')),
  'large messages': ({ scope }) => repeated(publish(subjects.trace(scope, 'agent.message'), 'x'.repeat(900_000)), 1),
  heartbeats: ({ scope: { runId, epoch } }) => repeated(publish(subjects.beat(runId, epoch), 'rubbish')),
  'calls of the desk': ({ scope: { runId, epoch } }) =>
    repeated(publish(subjects.desk(runId, epoch, 'model'), 'rubbish', '_INBOX.a.1')),
  'answers that it does not read': ({ scope: { runId, epoch } }) =>
    repeated(`SUB _INBOX.unread.* 1\r\n${publish(subjects.desk(runId, epoch, 'model'), 'rubbish', '_INBOX.unread.1')}`),
  'what is refused': ({ scope: { runId } }) => repeated(publish(`sf.ctl.${runId}.1`, 'x')),
  subscriptions: () => () => Array.from({ length: 500 }, () => `SUB _INBOX.${newId()} 1\r\nUNSUB 1\r\n`).join(''),
  pings: () => repeated('PING\r\n'),
}

/** Sends as fast as it is let and reads no answer, until disposed. */
export function flood(client: RawClient, next: () => string): Disposable {
  let over = false
  const pour = () => {
    while (!over && !client.socket.destroyed) if (!client.socket.write(next())) return
  }
  client.socket.pause()
  client.socket.on('drain', pour)
  pour()
  return {
    [Symbol.dispose]: () => {
      over = true
      client.socket.off('drain', pour)
    },
  }
}
