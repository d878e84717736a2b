/** Logs of whole specs, as their parts write them, for a ledger to fold. */
import { type Fact, type FactLog, newId, PHASES, SpecId } from '@specfleet/shared'
import { SpecLog, usageOf, verdict } from '../../packages/shared/src/spec/spec-log.fixture.ts'

/** A spec of its own from its submission to its plan, with one rejected hand-in a phase. */
function plannedSpec(): Fact[] {
  const run = newId()
  const specId = SpecId.parse(newId())
  const log = new SpecLog().submit(run).claim(run).fence(run)
  log.say('run.ready', { bootMs: 90, worker: '0.1.0', path: 'phases' }, run)
  for (const [index, phase] of PHASES.entries()) {
    const turn = index * 2
    log.say('phase.started', { phase, attempt: 1, turn }, run)
    log.say('phase.evaluated', verdict(phase, 1, turn + 1), run)
    log.complete(phase, run, turn + 2)
  }
  log.say('run.delivered', { outcome: 'done', usage: usageOf(10) }, run)
  log.supervise('run.settled', { outcome: 'done' }, run)
  return log.facts.map((fact) => ({ ...fact, specId }))
}

/** So many specs are written side by side; a fact follows the one before it. */
const AT_ONCE = 64

/** Appends at least so many facts, in whole specs. */
export async function writeSpecLogs(log: FactLog, least: number): Promise<void> {
  let written = 0
  const writeSome = async () => {
    while (written < least) {
      const facts = plannedSpec()
      written += facts.length
      for (const fact of facts) await log.append(fact)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, writeSome))
}
