/** A worker in a container dies: how soon its run goes on, with workers that wait and without. */
import { sandboxIdOf } from '@specfleet/shared'
import { allProcesses, descend } from '../../packages/orchestrator/src/providers/engine-folder/processes.ts'
import type { TestDocker } from '../../packages/testkit/src/docker.ts'
import { type Fleet, openFleet } from '../../packages/testkit/src/real-fleet.ts'
import type { Figure } from './benchmark.ts'
import { type HeldModel, startHeldModel } from './held-model.ts'
import { endRun, startHeldRun, untilReadyAgain } from './held-run.ts'
import { summarise } from './statistics.ts'

const ROUNDS = 15
const WARM_UPS = 2
/** As promised, of a cold start. */
const RECOVERY_AT_MOST = 0.5

export type RecoveryScene = { readonly docker: TestDocker; readonly image: string; readonly signal: AbortSignal }

/** One orchestrator with workers that wait and one without, each with runs of its own, in turn. */
export async function recoverInContainers({ docker, image, signal }: RecoveryScene): Promise<Figure[]> {
  await using model = await startHeldModel()
  const open = (name: string, size: number) =>
    openFleet({
      env: {
        ...{ SPECFLEET_PROVIDER: 'docker', DOCKER_HOST: docker.host, SPECFLEET_IMAGE: image, SPECFLEET_FLEET: name },
        ...{ WARM_FLOOR: String(size), WARM_CEILING: String(size), HEARTBEAT_LIMIT_MS: '' },
        ...model.env,
      },
    })
  await using cold = await open('cold', 0)
  await using warm = await open('warm', 1)
  const measured = { cold: [] as Round[], warm: [] as Round[] }
  for (let round = -WARM_UPS; round < ROUNDS; round++) {
    const turns = [
      async () => ({ of: measured.cold, round: await once({ fleet: cold, name: 'cold', docker, model }) }),
      async () => ({ of: measured.warm, round: await once({ fleet: warm, name: 'warm', docker, model }) }),
    ]
    for (const turn of round % 2 === 0 ? turns : turns.toReversed()) {
      signal.throwIfAborted()
      const done = await turn()
      if (round >= 0) done.of.push(done.round)
    }
  }
  const of = (rounds: Round[], what: keyof Round) => summarise(rounds.map((round) => round[what]))
  const engine = { name: 'run claimed → ready, cold', summary: of(measured.cold, 'startMs') }
  const figure = (name: string, rounds: Round[], what: keyof Round): Figure => ({
    ...{ name, unit: 'ms', ours: of(rounds, what), engine },
  })
  return [
    figure('run claimed → ready, with the pool', measured.warm, 'startMs'),
    { ...figure('worker killed → ready, with the pool', measured.warm, 'recoveryMs'), ratioAtMost: RECOVERY_AT_MOST },
    figure('worker killed → ready, without', measured.cold, 'recoveryMs'),
  ]
}

type Round = { readonly startMs: number; readonly recoveryMs: number }
type Stand = { readonly fleet: Fleet; readonly name: string; readonly docker: TestDocker; readonly model: HeldModel }

/** A run that is started, killed once, and brought to its end. */
async function once(stand: Stand): Promise<Round> {
  await untilOneWaits(stand)
  const run = await startHeldRun(stand)
  await untilOneWaits(stand)
  const worker = await workerOf(stand, sandboxIdOf(run.watch.runId, 1))
  const again = untilReadyAgain(run, 2)
  process.kill(worker, 'SIGKILL')
  const recoveryMs = await again
  await endRun(run)
  return { startMs: run.coldMs, recoveryMs }
}

/** Of an orchestrator that is a process of its own only the engine tells; its workers say when they wait. */
async function untilOneWaits({ name, docker: { client } }: Stand): Promise<void> {
  if (name === 'cold') return
  for (;;) {
    const filters = { name: [`specfleet-${name}-waiting.`] }
    for (const { Id } of await client.listContainers({ filters })) {
      const said = String(await client.getContainer(Id).logs({ stdout: true, stderr: false }))
      if (said.includes('waiting') && !said.includes('taken')) return
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function workerOf({ name, docker: { client } }: Stand, sandboxId: string): Promise<number> {
  const { State } = await client.getContainer(`specfleet-${name}-${sandboxId}`).inspect()
  const worker = descend(await allProcesses(), State.Pid, 1)
  if (worker === undefined) throw new Error(`no worker runs in ${sandboxId}`)
  return worker.pid
}
