import { describe, expect, it } from 'vitest'
import { type Bench, requestFor } from './bench.ts'

/** Of what was destroyed nothing remains. */
export function describeDestroying(bench: () => Bench): void {
  describe('destroying', () => {
    it('leaves nothing of a running sandbox, however often and by however many it is asked', async () => {
      const { engine, provider, spawn } = bench()
      const request = requestFor()
      const puppet = await spawn(request)
      await using other = await engine.openElsewhere()
      await Promise.all([provider.destroy(request.id), other.destroy(request.id), provider.destroy(request.id)])
      await puppet.gone
      await provider.destroy(request.id)
      expect(await provider.inspect(request.id)).toBeUndefined()
      expect(await engine.remains(request.id)).toEqual([])
    })

    it('leaves nothing of a workspace that was made to be hard to remove', async () => {
      const { engine, provider, spawn } = bench()
      const request = requestFor()
      const puppet = await spawn(request)
      await puppet.run(`const fs = await import('node:fs')
        fs.mkdirSync('locked/inner', { recursive: true }); fs.writeFileSync('locked/inner/file', ''); fs.chmodSync('locked/inner', 0); fs.chmodSync('locked', 0)
        for (let depth = 0; depth < 300; depth++) { fs.mkdirSync('deep'.repeat(20)); process.chdir('deep'.repeat(20)) }`)
      await provider.destroy(request.id)
      expect(await engine.remains(request.id)).toEqual([])
    })

    it('makes room for another of the same id', async () => {
      const { provider, spawn } = bench()
      const request = requestFor()
      const first = await spawn(request)
      await provider.destroy(request.id)
      await first.gone
      const second = await spawn(request)
      expect(await second.run('return env.SANDBOX_ID')).toBe(request.id)
    })
  })
}
