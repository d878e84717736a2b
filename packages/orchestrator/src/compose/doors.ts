import { openApi } from '../api/nats.ts'
import { openDesk } from '../desk/desk.ts'
import { lifeOf } from '../desk/incarnation.ts'
import { openFactWriter } from '../facts.ts'
import { Meter } from '../gateway/meter.ts'
import { Purse } from '../gateway/purse.ts'
import { openTunnel } from '../gateway/tunnel.ts'
import type { Refusals } from '../ledger/refusals.ts'
import type { Sources } from '../source/source.ts'
import type { Crew } from '../supervisor/crew.ts'
import type { Peers } from '../supervisor/liveness.ts'
import type { Foundation, Stores } from './foundation.ts'

type Doors = Crew & Stores & { readonly peers: Peers; readonly sources: Sources; readonly refusals: Refusals }

/** The desk, for sandboxes, and the API, for people and programs. */
export function openDoors(world: Foundation, doors: Doors, parts: AsyncDisposableStack): void {
  const { config, clock, log, upstream } = world
  const { bus, ledger, factLog, table, blobs, memory, runBlobs, engines, refusals } = doors
  const free = upstream.offline
  const meter = new Meter({ free })
  const purse = new Purse({ ledger, facts: openFactWriter({ log: factLog, clock }, 'gateway'), free })
  parts.use(
    openDesk({
      bus,
      table,
      clock,
      log,
      memory,
      refusals,
      resume: { bus, ledger, factLog, upstream: upstream.name, model: config.model },
      blobs: { blobs, maxBytes: config.blobMaxBytes, maxBytesOfRun: config.runBlobsMaxBytes, runBlobs },
      model: openTunnel({ upstream, meter, purse, clock, log, lifeOf: (run) => lifeOf(table, run) }),
    }),
  )
  const facts = openFactWriter({ log: factLog, clock }, 'api')
  parts.use(openApi({ ...doors, facts, terms: { ...config, offers: engines.offers } }))
}
