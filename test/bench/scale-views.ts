import { BUCKETS, type Bus, hostNowMs, SpecId } from '@specfleet/shared'
import * as z from 'zod'
import { readStream } from '../../packages/shared/src/bus/stream-reader.ts'
import { bucketName } from '../../packages/shared/src/bus/streams.ts'
import type { ViewWritten } from './scale-lag.ts'

/** As much of a view as tells how far it goes; the whole of it is the orchestrator's to check. */
const SpecView = z.object({ kind: z.literal('spec'), state: z.object({ specId: SpecId, foldedTo: z.number() }) })

/** Sees every view that is written, as whoever reads the bucket does. */
export function watchViews(bus: Bus, onView: (view: ViewWritten) => void): AsyncDisposable {
  const stop = new AbortController()
  const watching = (async () => {
    const from = 'last-per-subject' as const
    const prefix = `$KV.${BUCKETS.specs}.>`
    const options = { stream: bucketName(BUCKETS.specs), filter: prefix, from, signal: stop.signal }
    for await (const { messages } of readStream(bus, options)) {
      const at = hostNowMs()
      for (const { data } of messages) {
        const view = SpecView.safeParse(JSON.parse(new TextDecoder().decode(data)))
        if (view.success) onView({ ...view.data.state, at })
      }
    }
  })()
  return {
    async [Symbol.asyncDispose]() {
      stop.abort()
      await watching
    },
  }
}
