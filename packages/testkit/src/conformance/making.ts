import { RunId } from '@specfleet/shared'
import { describe, expect, it } from 'vitest'
import { type Bench, never, requestFor } from './bench.ts'

/** What `create` promises. */
export function describeMaking(bench: () => Bench): void {
  describe('making', () => {
    it('gives the worker exactly the environment that was asked for, and the way to the bus and its workspace', async () => {
      const { spawn } = bench()
      const request = requestFor({ env: { SPEC_ID: 'shop', PHASE_CONTEXT_B64: 'x'.repeat(96 * 1024) } })
      const { hello } = await spawn(request)
      const { BUS_URL, WORKSPACE, ...rest } = hello.env
      expect(rest).toEqual(request.env)
      expect(BUS_URL).toMatch(/^unix:\//)
      expect(WORKSPACE).toMatch(/^\//)
      expect(Object.keys(hello.environ)).not.toContain('BUS_CREDS_B64')
      expect(JSON.stringify([hello.environ, hello.argv])).not.toContain(request.env.BUS_CREDS_B64)
    })

    it('is idempotent, one after another and all at once', async () => {
      const { bus, provider } = bench()
      const request = requestFor()
      const all = await Promise.all([1, 2, 3, 4, 5].map(() => provider.create(request, never)))
      expect(all).toEqual(all.map(() => ({ kind: 'running' })))
      const { hello } = await bus.puppet(request.id)
      expect(await provider.create(request, never)).toEqual({ kind: 'running' })
      expect((await provider.list()).filter(({ id }) => id === request.id)).toHaveLength(1)
      const puppet = await bus.puppet(request.id)
      expect(puppet.hello.pid).toBe(hello.pid)
    })

    it('refuses an id that is a sandbox of another run', async () => {
      const { provider, spawn } = bench()
      const request = requestFor()
      await spawn(request)
      const stranger = { ...request, labels: { ...request.labels, runId: RunId.parse('stranger') } }
      expect(await provider.create(stranger, never)).toMatchObject({ kind: 'failed', retryable: false })
    })

    it('leaves nothing when it is called off', async () => {
      const { engine, provider } = bench()
      const request = requestFor()
      await expect(provider.create(request, AbortSignal.abort(new Error('called off')))).rejects.toThrow('called off')
      expect(await provider.inspect(request.id)).toBeUndefined()
      expect(await engine.remains(request.id)).toEqual([])
    })

    it('gives a workspace that can be written, and that is the working directory', async () => {
      const { spawn } = bench()
      const puppet = await spawn(requestFor())
      const code = `const fs = await import('node:fs'); fs.mkdirSync('a/b', { recursive: true }); fs.writeFileSync('a/b/c', 'text')
        return [process.cwd() === env.WORKSPACE, fs.readFileSync(env.WORKSPACE + '/a/b/c', 'utf8')]`
      expect(await puppet.run(code)).toEqual([true, 'text'])
    })
  })
}
