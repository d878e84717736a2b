export {
  type FakeMessagesApi,
  type ReceivedRequest,
  type ScriptedBlock,
  type ScriptedMessage,
  type ScriptedReply,
  startFakeMessagesApi,
} from './fake-messages-api.ts'
export { type SecuredTestNats, startNats, type TestNats, type TestNatsOptions } from './nats-server.ts'
export { callTool, replyByPlan, type ScriptedPlan, sayText } from './plan-script.ts'
export { callTools, startScriptedPeer } from './scripted-peer.ts'
