/** A provider in a process of its own, which a test can kill without warning. */
import { fork, type StdioOptions } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { RegistryOptions } from '../../packages/orchestrator/src/providers/registry.ts'
import type { DistantProvider } from '../../packages/testkit/src/provider-conformance.ts'
import type { HostCall } from './provider-host.ts'

export const PROVIDER_HOST = fileURLToPath(new URL('./provider-host.ts', import.meta.url))

/** What the other process is told; it has a clock and a log of its own. */
export const hostArguments = (choice: string, { clock: _, log: __, ...options }: RegistryOptions): string[] => [
  choice,
  JSON.stringify(options),
]

type Call = HostCall extends infer Each ? (Each extends HostCall ? Omit<Each, 'n'> : never) : never

export async function openElsewhere(
  choice: string,
  options: RegistryOptions,
  stdio: StdioOptions = 'inherit',
): Promise<DistantProvider> {
  const host = fork(PROVIDER_HOST, hostArguments(choice, options), {
    execArgv: [],
    stdio: stdio === 'inherit' ? ['inherit', 'inherit', 'inherit', 'ipc'] : stdio,
  })
  const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>()
  let count = 0
  const expectAnswer = <T>(n: number) =>
    new Promise<T>((resolve, reject) => waiting.set(n, { resolve: resolve as (value: never) => void, reject }))
  host.on('message', ({ n, value, error }: { n: number; value: never; error?: string }) => {
    if (error === undefined) waiting.get(n)?.resolve(value)
    else waiting.get(n)?.reject(new Error(error))
    waiting.delete(n)
  })
  host.on('exit', (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`the other process ended with ${code}`))
  })
  const ask = <T>(call: Call) => {
    count++
    const answer = expectAnswer<T>(count)
    host.send({ n: count, ...call })
    return answer
  }
  await expectAnswer(0)
  const end = async (how: () => void) => {
    if (host.exitCode !== null || host.signalCode !== null) return
    const exited = once(host, 'exit')
    how()
    await exited
  }
  return {
    create: (request) => ask({ method: 'create', request }),
    inspect: (id) => ask({ method: 'inspect', id }),
    destroy: (id) => ask({ method: 'destroy', id }),
    list: () => ask({ method: 'list' }),
    kill9: () => end(() => host.kill('SIGKILL')),
    [Symbol.asyncDispose]: () => end(() => host.send({ n: -1, method: 'close' })),
  }
}
