import { settled } from '../../packages/testkit/src/fleet-waits.ts'
import { FLOODS, flood } from '../e2e/hostile/floods.ts'
import { type Ground, openGround } from '../e2e/hostile/infiltrate.ts'
import type { Benchmark } from './benchmark.ts'
import { type Contender, interleave, timed } from './interleave.ts'

const ROUNDS = 3
/** What a hostile sandbox may cost everybody else. */
const RATIO_AT_MOST = 1.5

export const hostile: Benchmark = {
  name: 'hostile',
  about: 'a run beside a sandbox that floods the bus through its wire, beside the same run undisturbed',
  async run(signal) {
    await using ground = await openGround()
    let runs = 0
    const beside = () => timed(() => finish(ground, `beside-${++runs}`))
    const contenders: Record<string, Contender> = { undisturbed: beside }
    for (const [what, nextOf] of Object.entries(FLOODS))
      contenders[what] = () => flooded(ground, `hostile-${++runs}`, nextOf, beside)
    const { undisturbed, ...disturbed } = await interleave(contenders, { rounds: ROUNDS, signal })
    if (undisturbed === undefined) throw new Error('nothing was measured')
    const engine = { name: 'the same run undisturbed', summary: undisturbed }
    return Object.entries(disturbed).map(([what, ours]) => ({
      name: `a run beside a flood of ${what}`,
      unit: 'ms' as const,
      ours,
      engine,
      ratioAtMost: RATIO_AT_MOST,
    }))
  },
}

async function finish(ground: Ground, specId: string): Promise<void> {
  await ground.submit(specId)
  await ground.fleet.until(specId, settled)
}

/** What `work` comes to while another sandbox floods; each time another, which has spent nothing yet. */
async function flooded(
  ground: Ground,
  specId: string,
  nextOf: (typeof FLOODS)[string],
  work: () => Promise<number>,
): Promise<number> {
  const attacker = await ground.infiltrate(specId)
  let ms: number
  {
    await using client = await attacker.enter()
    using _flood = flood(client, nextOf(attacker))
    ms = await work()
  }
  attacker.gate.open()
  await ground.fleet.until(specId, settled)
  return ms
}
