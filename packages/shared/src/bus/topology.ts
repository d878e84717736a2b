import { SpecfleetError } from '../contract/errors.ts'
import type { Bus } from './connection.ts'

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

/**
 * Declares every stream and bucket; repeating it, also concurrently, changes nothing.
 * @throws SpecfleetError `bus.too-old`, `bus.no-jetstream`, `bus.topology`.
 */
export function ensureTopology(bus: Bus, options: TopologyOptions): Promise<{ created: string[]; migrated: string[] }> {
  return Promise.reject(new SpecfleetError('internal', `${bus.name} ${options.replicas}`))
}
