import { causeOfExit, type DeathCause, WORKER_EXIT } from '@specfleet/shared'
import { describe, expect, it } from 'vitest'
import type { Limits } from '../../../orchestrator/src/providers/provider.ts'
import { type Bench, type ConformanceOptions, exitOf, never, reportOf, requestFor } from './bench.ts'

/** Longest that a worker may be kept from answering by what another sandbox does: half of what it is given up after. */
const UNDISTURBED_MS = 5_000

/** What a hostile worker does to use up the host, and what the provider has to make of it. */
const HOGS: readonly {
  readonly what: string
  readonly limit: keyof ConformanceOptions['holds'] | 'output'
  readonly limits: Partial<Limits>
  readonly code: string
  readonly cause: DeathCause['kind']
}[] = [
  {
    what: 'a memory hog',
    limit: 'memory',
    limits: { memoryMb: 128, diskMb: 16 },
    code: 'const kept = []; for (;;) kept.push(Buffer.alloc(8 << 20, 1))',
    cause: 'oom',
  },
  {
    what: 'a fork bomb that holds every process there is',
    limit: 'pids',
    limits: { pids: 64 },
    code: `const { spawn } = await import('node:child_process')
      for (let n = 0; n < 100; n++) spawn('sleep', ['1000'], { stdio: 'ignore' }).on('error', () => {})`,
    cause: 'pids',
  },
  {
    what: 'a full disk',
    limit: 'disk',
    limits: { diskMb: 16 },
    code: `const fs = await import('node:fs'); const file = fs.openSync('fill', 'w'); let bytes = 0
      try { for (;;) bytes += fs.writeSync(file, Buffer.alloc(1 << 20)) } catch (error) {
        process.exit(error.code === 'ENOSPC' && bytes > 15 << 20 && bytes <= 16 << 20 ? ${WORKER_EXIT.diskFull} : 99)
      }`,
    cause: 'disk',
  },
  {
    what: 'an endless output',
    limit: 'output',
    limits: { outputMb: 1 },
    code: `const fs = await import('node:fs'); const line = Buffer.alloc(64 << 10, 'x\\n')
      for (;;) try { fs.writeSync(2, line) } catch (error) { if (error.code !== 'EAGAIN') throw error }`,
    cause: 'output',
  },
]

/** What uses up the host is ended by its name, and hurts nobody else. */
export function describeLimits(
  bench: () => Bench,
  { holds, countsRefusals }: Pick<ConformanceOptions, 'holds' | 'countsRefusals'>,
): void {
  describe('limits', () => {
    it('ends what takes longer than its wall clock', async () => {
      const { provider, spawn } = bench()
      const request = requestFor({ limits: { wallClockMinutes: 1 / 60 } })
      const puppet = await spawn(request)
      const exited = exitOf(provider, request.id)
      await Promise.all([exited, puppet.gone])
      expect(await reportOf(provider, request.id)).toMatchObject({ wallClock: true, oom: false })
    })

    it('refuses limits under which no worker could start', async () => {
      const { provider } = bench()
      const refused = await provider.create(requestFor({ limits: { pids: 5 } }), never)
      expect(refused).toMatchObject({ kind: 'failed', code: 'config.invalid', retryable: false })
    })

    it.each(HOGS.filter(({ limit }) => limit === 'output' || holds[limit]))(
      'ends $what by its name, and lets it hurt nobody else',
      async ({ limits, code, cause }) => {
        const { engine, provider, spawn } = bench()
        const neighbour = await spawn(requestFor())
        const request = requestFor({ limits })
        const hog = await spawn(request)
        let over = false
        const exited = exitOf(provider, request.id).then(() => {
          over = true
        })
        hog.start(code)
        let slowestMs = 0
        while (!over) {
          const asked = performance.now()
          expect(await neighbour.run(`return (await import('node:child_process')).execSync('echo fine') + ''`)).toBe(
            'fine\n',
          )
          slowestMs = Math.max(slowestMs, performance.now() - asked)
        }
        await exited
        expect(causeOfExit(await reportOf(provider, request.id)).kind).toBe(cause)
        expect(slowestMs).toBeLessThan(UNDISTURBED_MS)
        await provider.destroy(request.id)
        expect(await engine.remains(request.id)).toEqual([])
      },
    )

    it('says that the process limit was hit, when the worker ends by itself', async ({ skip }) => {
      if (!countsRefusals) skip('this engine, or this host, counts no refused process of a sandbox that has ended')
      const { reportAfter } = bench()
      const bomb = `const { spawn } = await import('node:child_process')
        const failed = await new Promise((resolve) => {
          for (let n = 0; n < 200; n++) spawn('sleep', ['1000'], { stdio: 'ignore' }).on('error', (e) => resolve(e.code))
        })
        process.exit(failed === 'EAGAIN' ? 11 : 12)`
      expect(await reportAfter(requestFor({ limits: { pids: 64 } }), bomb)).toMatchObject({ code: 11, pids: true })
    })
  })
}
