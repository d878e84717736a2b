import type { Blobs, Bus, CredentialMint, FactLog, OrchestratorId } from '@specfleet/shared'
import type { Clock } from '../clock.ts'
import type { ControlSender } from '../control/sender.ts'
import type { Engines } from '../engines/engines.ts'
import type { Policy } from '../engines/policy.ts'
import type { FactWriter } from '../facts.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Log, LogLevel } from '../log.ts'
import type { Limits } from '../providers/provider.ts'
import type { BackoffPolicy } from './backoff.ts'
import type { Heartbeats } from './heartbeats.ts'
import type { RunTable } from './run-table.ts'
import type { Starts } from './starts.ts'
import type { Uptimes } from './uptimes.ts'

/** Everybody the supervisor's actions work with. */
export type Crew = {
  readonly bus: Bus
  readonly table: RunTable
  readonly engines: Engines
  readonly mint: CredentialMint
  readonly facts: FactWriter
  readonly factLog: FactLog
  readonly ledger: Ledger
  readonly blobs: Blobs
  readonly heartbeats: Heartbeats
  readonly uptimes: Uptimes
  readonly control: ControlSender
  readonly clock: Clock
  readonly log: Log
  readonly starts: Starts
  /** From 0 to 1. */
  readonly random: () => number
}

export type SupervisorOptions = {
  readonly me: OrchestratorId
  readonly fleet: string
  readonly slots: number
  readonly model: string
  readonly logLevel: LogLevel
  /** Where the policy says nothing else. */
  readonly limits: Limits
  readonly policy: Policy
  readonly backoff: BackoffPolicy
  readonly stopGraceMs: number
  readonly pauseGraceMs: number
  readonly adoptionGraceMs: number
}
