import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { FleetNats } from '../orchestrator-fleet.ts'
import type { Measured, Question, Said } from './protocol.ts'

/** An orchestrator in a process of its own: what crashes it is seen as its end. */
export type FuzzedOrchestrator = AsyncDisposable & {
  credentials(runId: string): Promise<string>
  measure(): Promise<Measured>
  /** What it has logged as an error, and its end, if it came. */
  readonly troubles: readonly string[]
}

export async function startFuzzedOrchestrator({
  url,
  orchestratorCreds,
  systemCreds,
  operatorSigningSeed,
  kit,
}: FleetNats): Promise<FuzzedOrchestrator> {
  const troubles: string[] = []
  const child = fork(new URL('./orchestrator-process.ts', import.meta.url), { execArgv: ['--expose-gc'] })
  const exited = once(child, 'exit')
  let ending = false
  const gone = exited.then(([code, signal]) => {
    if (!ending) troubles.push(`it ended by itself: ${code ?? signal}`)
    return Promise.reject(new Error(troubles.join('\n')))
  })
  gone.catch(() => undefined)
  const waiting = new Map<Said['kind'], (said: Said) => void>()
  child.on('message', (said: Said) => {
    if (said.kind === 'error') troubles.push(said.line)
    else waiting.get(said.kind)?.(said)
  })
  const ask = <K extends Exclude<Said['kind'], 'error'>>(question: Question, kind: K) =>
    Promise.race([
      new Promise<Extract<Said, { kind: K }>>((resolve) => {
        waiting.set(kind, (said) => resolve(said as Extract<Said, { kind: K }>))
        child.send(question)
      }),
      gone,
    ])
  await ask(
    {
      kind: 'start',
      nats: { url, orchestratorCreds, systemCreds, operatorSigningSeed, kit: { appAccountId: kit.appAccountId } },
    },
    'started',
  )
  return {
    troubles,
    credentials: async (runId) => (await ask({ kind: 'credentials', runId }, 'credentials')).creds,
    measure: () => ask({ kind: 'measure' }, 'measured'),
    async [Symbol.asyncDispose]() {
      ending = true
      if (child.connected) child.send({ kind: 'stop' } satisfies Question)
      await exited
    },
  }
}
