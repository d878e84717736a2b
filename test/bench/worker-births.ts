/** Workers to be: their names, credentials and environments, made before the clock runs. */
import {
  Epoch,
  newId,
  ProjectId,
  RunId,
  SandboxId,
  type SandboxScope,
  SpecId,
  subjects,
  TaskId,
  writeSandboxEnv,
} from '@specfleet/shared'
import { type Stage, soon } from './stage.ts'

export type WorkerBirth = {
  readonly scope: SandboxScope
  readonly sandboxId: SandboxId
  readonly account: string
  readonly creds: string
  /** Complete but for `BUS_URL` and `WORKSPACE`. */
  readonly env: Record<string, string>
}

export async function conceive({ mint }: Pick<Stage, 'mint'>): Promise<WorkerBirth> {
  const scope = { specId: SpecId.parse(newId()), runId: RunId.parse(newId()), epoch: Epoch.parse(1) }
  const sandboxId = SandboxId.parse(`bench-${newId()}`)
  const { account, creds } = await mint.mint(scope, { expiresAt: soon() })
  const env = writeSandboxEnv({
    SPEC_ID: scope.specId,
    SPEC_PHASE: 'explore',
    EXECUTION_MODE: 'exploration',
    PROJECT_ID: ProjectId.parse('bench'),
    TASK_ID: TaskId.parse(scope.runId),
    RUN_ID: scope.runId,
    RUN_EPOCH: scope.epoch,
    SANDBOX_ID: sandboxId,
    BUS_CREDS_B64: Buffer.from(creds).toString('base64'),
    MODEL: 'claude-sonnet-5-5',
  })
  return { scope, sandboxId, account, creds, env }
}

/**
 * Runs `start` and gives the milliseconds from there until the worker says `ready`.
 * @throws Error when it says nothing for 30 s
 */
export async function untilReady(
  { bus }: Pick<Stage, 'bus'>,
  { scope }: WorkerBirth,
  start: () => unknown,
): Promise<number> {
  const { promise: ready, resolve, reject } = Promise.withResolvers<number>()
  using _listening = bus.subscribe(subjects.log(scope, 'run.ready'), () => resolve(performance.now()))
  await bus.flush()
  const silence = setTimeout(() => reject(new Error(`worker ${scope.runId} never became ready`)), 30_000)
  try {
    const startedAt = performance.now()
    await start()
    return (await ready) - startedAt
  } finally {
    clearTimeout(silence)
  }
}
