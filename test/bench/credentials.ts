import { connectBus } from '@specfleet/shared'
import type { Benchmark } from './benchmark.ts'
import { interleave, timed } from './interleave.ts'
import { openStage, type Stage } from './stage.ts'
import { conceive } from './worker-births.ts'

export const credentials: Benchmark = {
  name: 'credentials',
  about: 'an account of its own for a sandbox: made, used to connect, revoked',
  async run(signal) {
    await using stage = await openStage()
    const measured = await interleave(
      {
        minted: async () => {
          const startedAt = performance.now()
          const { account } = await conceive(stage)
          const ms = performance.now() - startedAt
          await stage.mint.revoke(account)
          return ms
        },
        asked: () => timed(() => stage.system.request('$SYS.REQ.SERVER.PING.IDZ', '', { timeoutMs: 5_000 })),
        connected: () => connectOnce(stage, 'sandbox'),
        connectedOurs: () => connectOnce(stage, 'orchestrators'),
        revoked: async () => {
          const { account } = await conceive(stage)
          return timed(() => stage.mint.revoke(account))
        },
      },
      { rounds: 25, warmUps: 3, signal },
    )
    const request = { name: 'request to the system account', summary: measured.asked }
    return [
      { name: 'minted', unit: 'ms', ours: measured.minted, engine: request },
      {
        name: 'connected with it',
        unit: 'ms',
        ours: measured.connected,
        engine: { name: 'connection of a standing account', summary: measured.connectedOurs },
      },
      { name: 'revoked', unit: 'ms', ours: measured.revoked, engine: request },
    ]
  },
}

async function connectOnce(stage: Stage, as: 'sandbox' | 'orchestrators'): Promise<number> {
  const birth = as === 'sandbox' ? await conceive(stage) : undefined
  const creds = birth?.creds ?? stage.nats.orchestratorCreds
  const startedAt = performance.now()
  const bus = await connectBus({ url: stage.nats.url, creds, name: 'bench connection' })
  const ms = performance.now() - startedAt
  await bus.close()
  if (birth !== undefined) await stage.mint.revoke(birth.account)
  return ms
}
