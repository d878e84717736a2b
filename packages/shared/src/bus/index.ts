export type { BlobInventory } from './blob-metas.ts'
export * from './blobs.ts'
export {
  type Bus,
  type BusMessage,
  type BusOptions,
  type BusStatus,
  connectBus,
  type PublishOptions,
  type RequestOptions,
  type SubscribeOptions,
  type Subscription,
} from './connection.ts'
export * from './credential-mint.ts'
export * from './dead.ts'
export type {
  CallAddress,
  CallAnswer,
  CallBody,
  CallServer,
  IncomingCall,
  OpenCallOptions,
  ServeCallsOptions,
} from './duplex/call.ts'
export { decodeFrame, decodeHead, type Frame, type FrameKind, OpenHead } from './duplex/frames.ts'
export { openCall } from './duplex/open-call.ts'
export { serveCalls } from './duplex/serve-calls.ts'
export { parseJson } from './json.ts'
export * from './log.ts'
export { createOperatorKit, type OperatorKit, preloadOf } from './operator-kit.ts'
export * from './records.ts'
export { SANDBOX_ACCOUNT_PREFIX, type SandboxScope } from './sandbox-account.ts'
export * from './tasks.ts'
export * from './topology.ts'
export * from './traces.ts'
export * from './turns.ts'
export { followWire, type WireFrame, type WireReader, type WireReaderOptions, type WireVerb } from './wire-reader.ts'
