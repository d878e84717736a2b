import { SandboxId } from '@specfleet/shared'
import { describe, expect, it } from 'vitest'
import { type Bench, exitOf, reportOf, requestFor } from './bench.ts'

/** A sandbox belongs to nobody who made it: any process finds it again. */
export function describeAdoption(bench: () => Bench): void {
  describe('found again', () => {
    it('lists a running sandbox with its labels to another process', async () => {
      const { engine, spawn } = bench()
      const request = requestFor()
      await spawn(request)
      await using other = await engine.openElsewhere()
      const found = (await other.list()).find(({ id }) => id === request.id)
      expect(found).toEqual({ id: request.id, labels: request.labels, state: { kind: 'running' } })
      expect(await other.create(request)).toEqual({ kind: 'running' })
    })

    it('knows nothing of what was never made', async () => {
      const { provider } = bench()
      expect(await provider.inspect(SandboxId.parse('never-made'))).toBeUndefined()
    })

    it('outlives the kill of its maker, and its exit is told to whoever has adopted it', async () => {
      const { bus, engine, provider } = bench()
      const request = requestFor()
      const maker = await engine.openElsewhere()
      expect(await maker.create(request)).toEqual({ kind: 'running' })
      const puppet = await bus.puppet(request.id)
      await maker.kill9()
      expect(await puppet.run('return 6 * 7')).toBe(42)
      expect(await provider.inspect(request.id)).toMatchObject({ state: { kind: 'running' } })
      const exited = exitOf(provider, request.id)
      puppet.start('process.exit(9)')
      await exited
      expect(await reportOf(provider, request.id)).toMatchObject({ code: 9, signal: null })
    })

    it('keeps the exit code of a sandbox that ended while nobody watched', async () => {
      const { bus, engine, provider } = bench()
      const request = requestFor()
      const maker = await engine.openElsewhere()
      await maker.create(request)
      const puppet = await bus.puppet(request.id)
      await maker.kill9()
      puppet.start('process.exit(17)')
      await puppet.gone
      // Whether the list comes before or after the exit, one of the two tells of it.
      const exited = exitOf(provider, request.id)
      const sandbox = await provider.inspect(request.id)
      if (sandbox?.state.kind !== 'exited') await exited
      expect(await reportOf(provider, request.id)).toMatchObject({ code: 17 })
    })
  })
}
