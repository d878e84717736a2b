import * as z from 'zod'
import { SpecfleetError } from '../contract/errors.ts'
import { STREAMS } from '../contract/subjects.ts'
import type { Bus } from './connection.ts'
import { FAULT, jetStreamApi, unexpected } from './jetstream-api.ts'
import { natsBus } from './nats-bus.ts'
import {
  type ConsumerConfig,
  compareConfig,
  DEFAULT_SIZES,
  declaredConsumers,
  declaredStreams,
  KEPT,
  type StreamConfig,
} from './streams.ts'

export type TopologyOptions = {
  /** Copies of every stream: 1 for a single server, 3 or 5 for a cluster. */
  replicas: 1 | 3 | 5
  /** Default 7 days. */
  traceMaxAgeMs?: number
  /** Default 1 GiB. */
  traceMaxBytes?: number
  /** Default 30 days. */
  deadMaxAgeMs?: number
}

/** The JetStream API as of server 2.12. */
const OLDEST_API_LEVEL = 2
const AccountInfo = z.object({ api: z.object({ level: z.number().default(0) }) })
const Configured = z.object({ config: z.record(z.string(), z.unknown()) })
/** A second look suffices when another process creates the same at the same time. */
const ATTEMPTS = 3

type Outcome = 'created' | 'migrated' | 'same'

/**
 * Declares every stream, bucket and durable consumer; repeating it, also concurrently,
 * changes nothing. What differs is migrated where the server can, and named.
 * @throws SpecfleetError `bus.too-old`, `bus.no-jetstream`, `bus.topology`.
 */
export async function ensureTopology(
  bus: Bus,
  options: TopologyOptions,
): Promise<{ created: string[]; migrated: string[] }> {
  await requireJetStream(bus)
  const outcome: { created: string[]; migrated: string[] } = { created: [], migrated: [] }
  const note = (name: string, what: Outcome): void => {
    if (what !== 'same') outcome[what].push(name)
  }
  for (const config of declaredStreams({ ...DEFAULT_SIZES, ...options }))
    note(config.name, await ensureStream(bus, config))
  for (const config of declaredConsumers()) note(config.durable_name, await ensureTaskConsumer(bus, config))
  return outcome
}

async function requireJetStream(bus: Bus): Promise<void> {
  const answer = await accountInfo(bus)
  if (!answer.ok) throw new SpecfleetError('bus.no-jetstream', answer.fault.description)
  if (answer.value.api.level < OLDEST_API_LEVEL) {
    throw new SpecfleetError('bus.too-old', `its JetStream API level is ${answer.value.api.level}`)
  }
}

async function accountInfo(bus: Bus) {
  const offered = natsBus(bus).nats.info?.jetstream === true
  try {
    // A server that offers JetStream and does not answer is still starting.
    return await jetStreamApi(bus, 'INFO', undefined, AccountInfo, offered ? {} : { limitMs: 0 })
  } catch (error) {
    if (offered || !(error instanceof SpecfleetError) || error.code !== 'bus.unreachable') throw error
    throw new SpecfleetError('bus.no-jetstream', 'the server has it switched off', { cause: error })
  }
}

/** @throws SpecfleetError `bus.topology` when what exists cannot become what is declared. */
export async function ensureStream(bus: Bus, config: StreamConfig): Promise<Outcome> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const info = await jetStreamApi(bus, `STREAM.INFO.${config.name}`, undefined, Configured)
    if (info.ok) return migrateStream(bus, info.value.config, config)
    if (info.fault.errCode !== FAULT.noStream) throw unexpected(config.name, info.fault)
    const made = await jetStreamApi(bus, `STREAM.CREATE.${config.name}`, config, Configured)
    if (made.ok) return 'created'
    if (made.fault.errCode !== FAULT.streamNameInUse) {
      throw new SpecfleetError('bus.topology', `${config.name} cannot be made: ${made.fault.description}`)
    }
  }
  throw new SpecfleetError('bus.topology', `${config.name} comes and goes`)
}

async function migrateStream(bus: Bus, current: Record<string, unknown>, config: StreamConfig): Promise<Outcome> {
  const { changed, impossible } = compareConfig(current, config)
  if (changed.length === 0) return 'same'
  if (impossible.length > 0)
    throw new SpecfleetError('bus.topology', `${config.name} differs in ${impossible.join(', ')}`)
  const made = await jetStreamApi(
    bus,
    `STREAM.UPDATE.${config.name}`,
    { ...current, ...config, ...kept(current) },
    Configured,
  )
  if (made.ok) return 'migrated'
  const detail = `${config.name} differs in ${changed.join(', ')}: ${made.fault.description}`
  throw new SpecfleetError('bus.topology', detail)
}

const kept = (current: Record<string, unknown>) => Object.fromEntries(KEPT.map((key) => [key, current[key]]))

async function ensureTaskConsumer(bus: Bus, config: ConsumerConfig): Promise<Outcome> {
  const name = `${STREAMS.tasks}.${config.durable_name}`
  const info = await jetStreamApi(bus, `CONSUMER.INFO.${name}`, undefined, Configured)
  if (!info.ok && info.fault.errCode !== FAULT.noConsumer) throw unexpected(name, info.fault)
  const changed = info.ok ? compareConfig(info.value.config, config).changed : []
  if (info.ok && changed.length === 0) return 'same'
  const body = { stream_name: STREAMS.tasks, config: info.ok ? { ...info.value.config, ...config } : config }
  const made = await jetStreamApi(bus, `CONSUMER.DURABLE.CREATE.${name}`, body, Configured)
  if (made.ok) return info.ok ? 'migrated' : 'created'
  throw new SpecfleetError('bus.topology', `${name} (${changed.join(', ')}): ${made.fault.description}`)
}
