/** A provider of processes in a process of its own, driven by messages, for tests that kill it. */
import { systemClock } from '../../packages/orchestrator/src/clock.ts'
import { openLog } from '../../packages/orchestrator/src/log.ts'
import type { SandboxRequest } from '../../packages/orchestrator/src/providers/provider.ts'
import { openProvider, type RegistryOptions } from '../../packages/orchestrator/src/providers/registry.ts'
import type { SandboxId } from '../../packages/shared/src/index.ts'
import { ALWAYS_WARM, openAlwaysWarm, unhurried } from './always-warm.ts'

export type HostCall =
  | { readonly n: number; readonly method: 'create'; readonly request: SandboxRequest }
  | { readonly n: number; readonly method: 'inspect' | 'destroy'; readonly id: SandboxId }
  | { readonly n: number; readonly method: 'list' | 'close' }

const [choice = '', told = ''] = process.argv.slice(2)
const options: RegistryOptions = {
  ...(JSON.parse(told) as Omit<RegistryOptions, 'clock' | 'log'>),
  clock: choice === ALWAYS_WARM ? unhurried : systemClock,
  log: openLog({ level: 'warn', now: () => new Date(), write: (line) => process.stderr.write(`${line}\n`) }),
}
const provider = await (choice === ALWAYS_WARM ? openAlwaysWarm(options) : openProvider(choice, options))
const signal = new AbortController().signal

async function answer(call: HostCall): Promise<unknown> {
  switch (call.method) {
    case 'create':
      return provider.create(call.request, signal)
    case 'inspect':
      return provider.inspect(call.id)
    case 'destroy':
      return provider.destroy(call.id)
    case 'list':
      return provider.list()
    case 'close':
      await provider[Symbol.asyncDispose]()
      return process.disconnect()
  }
}

process.on('message', (call: HostCall) => {
  answer(call).then(
    (value) => process.connected && process.send?.({ n: call.n, value }),
    (error: unknown) => process.send?.({ n: call.n, error: String(error) }),
  )
})
process.send?.({ n: 0, value: 'ready' })
