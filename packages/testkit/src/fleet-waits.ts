import type { Fact, RecordChange, Records, RunRecord, SpecId } from '@specfleet/shared'
import type { FleetClient } from '../../cli/src/fleet/client.ts'
import { followSpec } from '../../cli/src/fleet/follow.ts'

const UNTIL_LIMIT_MS = 45_000

/** Settles with the facts of the spec so far, oldest first, as soon as they satisfy the predicate. */
export async function untilFacts(
  client: FleetClient,
  specId: SpecId,
  satisfied: (facts: readonly Fact[]) => boolean,
): Promise<Fact[]> {
  const facts: Fact[] = []
  const found = new AbortController()
  const late = AbortSignal.timeout(UNTIL_LIMIT_MS)
  const onFact = (fact: Fact) => {
    if (found.signal.aborted) return
    facts.push(fact)
    if (satisfied(facts)) found.abort()
  }
  await followSpec(client, specId, { onFact }, AbortSignal.any([found.signal, late]))
  if (found.signal.aborted) return facts
  const told = facts.map(
    ({ at, type, epoch, data }) => `  ${at} ${type} (${epoch}) ${JSON.stringify(data).slice(0, 200)}`,
  )
  throw new Error(`${specId} did not come to what was awaited within ${UNTIL_LIMIT_MS} ms:\n${told.join('\n')}`)
}

/** Settles with the record of the run as soon as it satisfies the predicate. */
export async function untilRecord(
  records: Records<RunRecord>,
  runId: string,
  satisfied: (run: RunRecord) => boolean,
): Promise<RunRecord> {
  const over = new AbortController()
  const late = AbortSignal.timeout(UNTIL_LIMIT_MS)
  let last: RunRecord | undefined
  const onChange = ({ key, held }: RecordChange<RunRecord>) => {
    if (key !== runId || over.signal.aborted) return
    last = held?.value
    if (last !== undefined && satisfied(last)) over.abort()
  }
  await records.watch({ signal: AbortSignal.any([over.signal, late]), onChange })
  if (last !== undefined && satisfied(last)) return last
  throw new Error(`the record of run ${runId} did not come to what was awaited: ${JSON.stringify(last)}`)
}

/** Predicates for `until`. */
export const has =
  (type: Fact['type'], fits: (fact: Fact) => boolean = () => true) =>
  (facts: readonly Fact[]): boolean =>
    facts.some((fact) => fact.type === type && fits(fact))
export const settled = has('run.settled')
