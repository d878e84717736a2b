/**
 * The second door of this package: what a worker needs to boot, and nothing else. A bundle evaluates all
 * that a module re-exports, so what comes through here must stay small.
 */
export { type Bus, type BusStatus, connectBus, type Subscription, socketPathOf } from './bus/connection.ts'
export { writeCreds } from './bus/creds-file.ts'
export { type FactLog, openWorkerLog } from './bus/log.ts'
export { generateKeySync, seedOf } from './bus/nkey.ts'
export { forgetRandomness } from './bus/randomness.ts'
export { type Beat, ControlMessage, type ControlTaken, untilNextBeatMs } from './contract/control.ts'
export { Envelope } from './contract/envelope.ts'
export { describeIssues, SpecfleetError, toSpecfleetError } from './contract/errors.ts'
export type { FactData, NewFact } from './contract/facts/index.ts'
export { type Epoch, type MessageId, newId, newMessageId, type RunId, type SpecId } from './contract/ids.ts'
export type { Phase } from './contract/phase.ts'
export { decodePhaseContext, type PhaseContext, parseSandboxEnv, SandboxEnv } from './contract/sandbox-env.ts'
export { subjects } from './contract/subjects.ts'
export type { NewTrace } from './contract/trace.ts'
export { WORKER_EXIT } from './run/causes.ts'
export { hostNowMs } from './run/host-clock.ts'
export { WAITING_WORKER } from './run/waiting-worker.ts'
