import { SandboxId } from '@specfleet/shared'
import { describe, expect, it } from 'vitest'
import { type Bench, exitOf, reportOf, requestFor } from './bench.ts'

/** Every exit is told, with what was its cause. */
export function describeEnding(bench: () => Bench): void {
  describe('ending', () => {
    it.each([0, 1, 3, 69, 78])('tells exit code %i', async (code) => {
      const { reportAfter } = bench()
      const report = await reportAfter(requestFor(), `console.error('last words'); process.exit(${code})`)
      expect(report).toEqual({
        code,
        signal: null,
        oom: false,
        pids: false,
        output: false,
        wallClock: false,
        logTail: ['last words'],
      })
    })

    it.each(['SIGKILL', 'SIGSEGV', 'SIGTERM'])('tells a death by %s', async (signal) => {
      const { reportAfter } = bench()
      const code = `process.kill(process.pid, '${signal}'); await new Promise(() => setInterval(() => {}, 1000))`
      expect(await reportAfter(requestFor(), code)).toMatchObject({
        code: null,
        signal,
        oom: false,
        wallClock: false,
      })
    })

    it('asks the worker to end, and takes its answer', async () => {
      const { provider, spawn } = bench()
      const request = requestFor()
      const puppet = await spawn(request)
      await puppet.run(`process.on('SIGTERM', () => process.exit(5))`)
      const exited = exitOf(provider, request.id)
      await provider.stop(request.id, 'term')
      await exited
      expect(await reportOf(provider, request.id)).toMatchObject({ code: 5, signal: null })
    })

    it('kills a worker that does not listen, and all that it started', async () => {
      const { engine, provider, spawn } = bench()
      const request = requestFor()
      const puppet = await spawn(request)
      await puppet.run(`process.on('SIGTERM', () => {})
        const { spawn } = await import('node:child_process'); spawn('sleep', ['1000'], { stdio: 'ignore' })`)
      const exited = exitOf(provider, request.id)
      await provider.stop(request.id, 'kill')
      await exited
      expect(await reportOf(provider, request.id)).toMatchObject({ code: null, signal: 'SIGKILL' })
      await provider.destroy(request.id)
      expect(await engine.remains(request.id)).toEqual([])
    })

    it('does not mind a stop of what has ended or never was', async () => {
      const { provider, reportAfter } = bench()
      const request = requestFor()
      await reportAfter(request, 'process.exit(0)')
      await provider.stop(request.id, 'kill')
      await provider.stop(SandboxId.parse('never-made'), 'term')
    })

    it('keeps the post-mortem until the sandbox is destroyed, for every process', async () => {
      const { engine, provider, reportAfter } = bench()
      const request = requestFor()
      await reportAfter(request, `console.log('one'); console.log('two'); process.exit(4)`)
      await using other = await engine.openElsewhere()
      expect(await reportOf(other, request.id)).toMatchObject({ code: 4, logTail: ['one', 'two'] })
      await other.destroy(request.id)
      expect(await provider.inspect(request.id)).toBeUndefined()
    })

    it('keeps the last of an endless output', async () => {
      const { reportAfter } = bench()
      const report = await reportAfter(
        requestFor(),
        `const { writeSync } = await import('node:fs')
        const line = 'x'.repeat(1023) + '\\n'
        for (let n = 0; n < 20000; n++) for (let left = Buffer.from(line); left.length > 0;) {
          try { left = left.subarray(writeSync(1, left)) } catch (e) { if (e.code !== 'EAGAIN') throw e }
        }
        console.log('the end'); process.exit(0)`,
      )
      expect(report.code).toBe(0)
      expect(report.logTail.at(-1)).toBe('the end')
      expect(report.logTail.join('\n').length).toBeLessThan(1024 * 1024)
    })
  })
}
