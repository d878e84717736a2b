import { BUCKETS } from '@specfleet/shared'
import { describe, expect, test } from 'vitest'
import { encodeFrame, encodeHead } from '../../../shared/src/bus/duplex/frames.ts'
import { MessageId } from '../../../shared/src/contract/ids.ts'
import { HeardConversations } from './conversations.ts'
import { frameCutter } from './frames.ts'
import { headerOf, type Message, readMessage } from './message.ts'
import { nameMessage } from './name.ts'
import { describeSpeaker, readSpeaker } from './speaker.ts'

const orchestrator = readSpeaker('{"name":"orchestrator one"}')
const worker = readSpeaker('{"name":"worker run.3"}')
const client = readSpeaker('{"name":"specfleet"}')

const message = (subject: string, payload: string | Uint8Array = '', headers = ''): Message => ({
  subject,
  reply: undefined,
  headers: headers === '' ? '' : `NATS/1.0\r\n${headers}\r\n\r\n`,
  payload: Buffer.from(payload),
})
const by = (part: string) => JSON.stringify({ by: part })
const claims = (name: string) => `e30.${Buffer.from(JSON.stringify({ name })).toString('base64url')}.sig`
const frame = (kind: 'data' | 'head') => encodeFrame({ kind, seq: 1, payload: new Uint8Array() })

const CALL = MessageId.parse('01J00000000000000000000000')
const opening = (service: string) => {
  const head = { v: 1 as const, call: CALL, meta: {}, end: true, windowBytes: 1, idleMs: 1 }
  const payload = encodeFrame({ kind: 'open', seq: 0, payload: encodeHead(head, new Uint8Array()) })
  return { ...message(`sf.desk.run.3.${service}`, payload), reply: '_R_.accept' }
}

test.each([
  [message('sf.log.spec.run.3.phase.completed', by('worker')), worker, 'worker/fact/phase.completed', 'run'],
  // Whatever it claims to be.
  [message('sf.log.spec.run.3.run.ready', by('supervisor')), worker, 'worker/fact/run.ready', 'run'],
  [message('sf.log.spec.run.3.run.fenced', by('supervisor')), orchestrator, 'supervisor/fact/run.fenced', 'run'],
  [message('sf.log.spec.-.0.spec.submitted', by('api')), orchestrator, 'api/fact/spec.submitted', 'spec'],
  [message('sf.log.spec.run.0.spec.failed', by('intake')), orchestrator, 'intake/fact/spec.failed', 'run'],
  [message('sf.log.spec.run.3.run.lost', 'no json'), orchestrator, 'supervisor/fact/run.lost', 'run'],
  [message('sf.turn.spec.run.3'), worker, 'worker/turn', 'run'],
  [message('sf.trace.spec.run.3.log.line'), worker, 'worker/trace/log.line', 'run'],
  [message('sf.beat.run.3'), worker, 'worker/beat', 'run'],
  [message('sf.desk.run.3.taken'), worker, 'worker/taken', 'run'],
  [message('sf.ctl.run.3', '{"command":"drain"}'), orchestrator, 'supervisor/control/drain', 'run'],
  [message('sf.task.high.spec'), orchestrator, 'api/task', ''],
  [message('sf.task.high.spec'), client, 'client/task', ''],
  [message('sf.api.submit'), client, 'client/request/submit', ''],
  [message('sf.dead.task-malformed'), orchestrator, 'intake/dead/task-malformed', ''],
  [
    message('$KV.sf_runs.run', '{"state":"claimed"}', 'Nats-Expected-Last-Subject-Sequence: 0'),
    orchestrator,
    'intake/record/claimed',
    'run',
  ],
  [
    message('$KV.sf_runs.run', '{"state":"claimed"}', 'nats-expected-last-subject-sequence:7'),
    orchestrator,
    'supervisor/record/claimed',
    'run',
  ],
  [message('$KV.sf_runs.run', '{"state":"starting"}'), orchestrator, 'supervisor/record/starting', 'run'],
  [message('$KV.sf_specs.spec'), orchestrator, 'ledger/view', 'spec'],
  [message('$KV.sf_orchestrators.one'), orchestrator, 'supervisor/liveness', 'one'],
  [message('$KV.sf_orchestrators.one', '', 'KV-Operation: DEL'), orchestrator, 'supervisor/liveness/removed', 'one'],
  [message('$KV.sf_memory.project'), orchestrator, 'desk/memory', 'project'],
  [message('$O.sf_blobs.C.upload'), orchestrator, 'intake/blob/chunk', ''],
  [message('$O.sf_blobs.M.name'), orchestrator, 'intake/blob/meta', ''],
  [message('$JS.ACK.SF_TASKS.intake-normal.1.2.3.4.5', '+ACK'), orchestrator, 'intake/task/ack', ''],
  [message('$JS.ACK._.ABC.SF_TASKS.intake-normal.1.2.3.4.5', '-NAK {"delay":1}'), orchestrator, 'intake/task/nak', ''],
  [message('$JS.API.STREAM.PURGE.SF_TURNS', '{}'), orchestrator, 'supervisor/purge/turns', ''],
  [message('$SYS.REQ.CLAIMS.UPDATE', claims('sf-spec-run-3')), orchestrator, 'supervisor/account/made', 'sf-spec-run'],
  [message('$SYS.REQ.CLAIMS.UPDATE', claims('sf-revoked')), orchestrator, 'supervisor/account/revoked', ''],
  [message('$SYS.REQ.CLAIMS.DELETE', claims('delete')), orchestrator, 'supervisor/account/removed', ''],
])('$0.subject has a name', (said, speaker, name, about) => {
  expect(nameMessage(said, speaker, new HeardConversations())).toEqual({ name, about })
})

test.each([
  '$JS.API.STREAM.MSG.GET.SF_LOG',
  '$SYS.REQ.SERVER.PING.CONNZ',
  'sf.log.-.-.0.probe',
  'sf.turn.-.-.0',
  '_INBOX.of.somebody',
  `$KV.${BUCKETS.runs}2.a`,
  '$KV',
  '',
])('%s has none', (subject) => {
  expect(nameMessage(message(subject), orchestrator, new HeardConversations())).toBeUndefined()
})

describe('a call', () => {
  const named = (service: string) => {
    const heard = new HeardConversations()
    heard.deliver(opening(service))
    const name = (said: Message, speaker = orchestrator) => nameMessage(said, speaker, heard)?.name
    return {
      opened: name(opening(service), worker),
      further: name(message(`sf.desk.run.3.${service}.${CALL}`, frame('data')), worker),
      accepted: name(message('_R_.accept', '{"ok":true}')),
      answered: name(message(`sf.down.run.3.${CALL}`, frame('head'))),
      body: name(message(`sf.down.run.3.${CALL}`, frame('data'))),
    }
  }

  test('to the model is answered by the gateway', () => {
    expect(named('model')).toEqual({
      opened: 'worker/call/model',
      further: 'worker/call/model/data',
      accepted: 'gateway/accept',
      answered: 'gateway/answer',
      body: 'gateway/answer/data',
    })
  })

  test('to anything else by the desk', () => {
    expect(named('resume')).toMatchObject({ accepted: 'desk/accept/resume', answered: 'desk/answer/resume' })
  })
})

test('the answer to a request is named by what was asked', () => {
  const heard = new HeardConversations()
  heard.deliver({ ...message('sf.api.get'), reply: '_INBOX.x.1' })
  expect(nameMessage(message('_INBOX.x.1'), orchestrator, heard)).toEqual({ name: 'api/answer/get', about: '' })
})

test('no more is remembered than could be open', () => {
  const heard = new HeardConversations()
  for (let nth = 0; nth < 10_001; nth++) heard.deliver({ ...message('sf.api.get'), reply: `_INBOX.x.${nth}` })
  expect(heard.askedFor('_INBOX.x.0')).toBeUndefined()
  expect(heard.askedFor('_INBOX.x.10000')).toBeDefined()
})

test.each([
  ['PUB a 2\r\nhi\r\n', { subject: 'a', reply: undefined, headers: '', payload: 'hi' }],
  ['PUB a\tb 2\r\nhi\r\n', { subject: 'a', reply: 'b', headers: '', payload: 'hi' }],
  [
    'HPUB a 12 14\r\nNATS/1.0\r\n\r\nhi\r\n',
    { subject: 'a', reply: undefined, headers: 'NATS/1.0\r\n\r\n', payload: 'hi' },
  ],
  ['HPUB a b 12 12\r\nNATS/1.0\r\n\r\n\r\n', { subject: 'a', reply: 'b', headers: 'NATS/1.0\r\n\r\n', payload: '' }],
  ['MSG a 7 2\r\nhi\r\n', { subject: 'a', reply: undefined, headers: '', payload: 'hi' }],
  ['MSG a 7 b 2\r\nhi\r\n', { subject: 'a', reply: 'b', headers: '', payload: 'hi' }],
  [
    'HMSG a 7 b 12 14\r\nNATS/1.0\r\n\r\nhi\r\n',
    { subject: 'a', reply: 'b', headers: 'NATS/1.0\r\n\r\n', payload: 'hi' },
  ],
])('%j is read', (bytes, expected) => {
  const [piece] = frameCutter().take(Buffer.from(bytes))
  const read = piece === undefined ? undefined : readMessage(piece)
  expect(read && { ...read, payload: read.payload.toString() }).toEqual(expected)
})

test('the first header of a name counts, in upper or lower case', () => {
  expect(headerOf(message('a', '', 'Nats-Msg-Id:  x \r\nnats-msg-id: y'), 'Nats-Msg-Id')).toBe('x')
  expect(headerOf(message('a'), 'Nats-Msg-Id')).toBeUndefined()
})

test.each([
  ['{"name":"orchestrator 01J"}', { kind: 'orchestrator', id: '01J' }, 'orchestrator 01J'],
  ['{"name":"credential mint 01J"}', { kind: 'orchestrator', id: '01J' }, 'orchestrator 01J'],
  ['{"name":"worker run-1.12"}', { kind: 'worker', runId: 'run-1', epoch: 12 }, 'worker of run run-1, epoch 12'],
  ['{"name":"specfleet list"}', { kind: 'other', name: 'specfleet list' }, 'specfleet list'],
  ['{}', { kind: 'other', name: '' }, 'somebody without a name'],
  ['nonsense', { kind: 'other', name: '' }, 'somebody without a name'],
])('who connects with %s is known', (connect, speaker, described) => {
  expect(readSpeaker(connect)).toEqual(speaker)
  expect(describeSpeaker(readSpeaker(connect))).toBe(described)
})
