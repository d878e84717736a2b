import { type Bus, openCredentialMint } from '@specfleet/shared'
import { openControlSender } from '../control/sender.ts'
import { longestMinutes } from '../engines/policy.ts'
import { openFactWriter } from '../facts.ts'
import type { Refusals } from '../ledger/refusals.ts'
import { BeatListener } from '../supervisor/beat-listener.ts'
import type { Crew } from '../supervisor/crew.ts'
import { watchHearing } from '../supervisor/hearing.ts'
import { Heartbeats } from '../supervisor/heartbeats.ts'
import type { Peers } from '../supervisor/liveness.ts'
import type { Slots } from '../supervisor/slots.ts'
import { Supervisor } from '../supervisor/supervisor.ts'
import { Uptimes } from '../supervisor/uptimes.ts'
import type { Foundation } from './foundation.ts'

type Found = Pick<Crew, 'bus' | 'ledger' | 'table' | 'engines' | 'blobs' | 'factLog' | 'starts'> & {
  readonly system: Bus
}

/** Everybody the supervisor works with. */
export function openCrew(world: Foundation, found: Found, parts: AsyncDisposableStack): Crew {
  const { config, clock, log, random } = world
  const { bus, system, factLog } = found
  const { operatorSigningSeed, appAccountId } = config.nats
  const now = () => clock.now()
  const mint = parts.use(openCredentialMint({ system, app: bus, operatorSigningSeed, appAccountId, now }))
  return {
    ...found,
    mint,
    facts: openFactWriter({ log: factLog, clock }, 'supervisor'),
    uptimes: new Uptimes({ clock }, { mostMs: longestMinutes(config.policy, config.limits) * 60_000 }),
    heartbeats: new Heartbeats({ clock }, { beatMs: config.heartbeatLimitMs, bootMs: config.bootLimitMs }),
    control: openControlSender({ bus, clock }),
    clock,
    log,
    random,
  }
}

/** Starts the loop, which stands still while nothing can be heard. */
export function supervise(
  { id, config, status, clock, log }: Foundation,
  crew: Crew,
  { peers, slots, refusals }: { peers: Peers; slots: Slots; refusals: Refusals },
  parts: AsyncDisposableStack,
): Supervisor {
  const beats = new BeatListener({ ...crew, log, refusals })
  const options = { ...config, me: id }
  const supervisor = parts.use(new Supervisor(crew, { peers, slots, beats }, options))
  parts.use(watchHearing({ status, clock, log }, [peers, supervisor]))
  supervisor.start()
  return supervisor
}
