import type { SpecId } from '../contract/ids.ts'
import { STREAMS } from '../contract/subjects.ts'
import type { Bus } from './connection.ts'
import { parseJson } from './json.ts'
import { readSubject } from './stream-reader.ts'

/** The last trace events of a spec that are still kept, oldest first, as they were published. */
export async function readLastTraces(bus: Bus, specId: SpecId, options: { most: number }): Promise<unknown[]> {
  const last: Uint8Array[] = []
  for await (const { data } of readSubject(bus, STREAMS.trace, `sf.trace.${specId}.>`)) {
    last.push(data)
    if (last.length > 2 * options.most) last.splice(0, last.length - options.most)
  }
  return last.slice(-options.most).map(parseJson)
}
