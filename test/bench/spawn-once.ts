import type { SandboxId } from '@specfleet/shared'
import type { SandboxProvider } from '../../packages/orchestrator/src/providers/provider.ts'
import type { Stage } from './stage.ts'
import { conceive, untilReady } from './worker-births.ts'

export const LIMITS = { memoryMb: 512, diskMb: 512, cpus: 2, pids: 128, wallClockMinutes: 5, outputMb: 64 }

/** Milliseconds from asking the provider for a sandbox until its worker says `ready`; it is removed then. */
export const spawnOnce = (stage: Stage, provider: SandboxProvider): Promise<number> =>
  inSandbox(stage, provider, async (_, readyMs) => readyMs)

/** Milliseconds from a kill of everything in a sandbox that is at work until the provider tells of its exit. */
export const tellOfDeath = (
  stage: Stage,
  provider: SandboxProvider,
  kill: (id: SandboxId) => Promise<unknown>,
): Promise<number> =>
  inSandbox(stage, provider, async (id) => {
    const { promise: told, resolve } = Promise.withResolvers<number>()
    await using _watch = provider.watch((event) => {
      if (event.kind === 'exited' && event.id === id) resolve(performance.now())
    })
    const killedAt = performance.now()
    await kill(id)
    return (await told) - killedAt
  })

async function inSandbox(
  stage: Stage,
  provider: SandboxProvider,
  use: (id: SandboxId, readyMs: number) => Promise<number>,
): Promise<number> {
  const birth = await conceive(stage)
  const expiresAt = new Date(Date.now() + 600_000).toISOString()
  const request = {
    id: birth.sandboxId,
    labels: { fleet: 'bench', ...birth.scope, expiresAt },
    env: birth.env,
    limits: LIMITS,
  }
  const created = () => provider.create(request, new AbortController().signal).then(expectRunning)
  try {
    return await use(birth.sandboxId, await untilReady(stage, birth, created))
  } finally {
    await remove(provider, birth.sandboxId)
    await stage.mint.revoke(birth.account)
  }
}

function expectRunning(created: Awaited<ReturnType<SandboxProvider['create']>>): void {
  if (created.kind === 'failed') throw new Error(`no sandbox: ${created.message}`)
}

async function remove(provider: SandboxProvider, id: SandboxId): Promise<void> {
  await provider.stop(id, 'kill')
  await provider.destroy(id)
}
