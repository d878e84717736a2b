/** What every sandbox provider must do, on its real engine. A provider is finished when it passes. */
import { afterAll, beforeAll, describe } from 'vitest'
import { describeAdoption } from './conformance/adoption.ts'
import { type Bench, type ConformanceOptions, openBench } from './conformance/bench.ts'
import { describeDestroying } from './conformance/destroying.ts'
import { describeEnding } from './conformance/ending.ts'
import { describeIsolation } from './conformance/isolation.ts'
import { describeLimits } from './conformance/limits.ts'
import { describeMaking } from './conformance/making.ts'

export {
  type ConformanceOptions,
  type DistantProvider,
  exitOf,
  FLEET,
  type ProviderUnderTest,
  reportOf,
  requestFor,
} from './conformance/bench.ts'

/** Some engines are themselves started for it. */
const START_LIMIT_MS = 180_000

export function describeConformance(options: ConformanceOptions): void {
  describe(`provider ${options.name}`, () => {
    let opened: Bench | undefined
    beforeAll(async () => {
      opened = await openBench(options)
    }, START_LIMIT_MS)
    afterAll(async () => await opened?.[Symbol.asyncDispose]())
    const bench = (): Bench => {
      if (opened === undefined) throw new Error('the bench is opened before the first test')
      return opened
    }

    describeMaking(bench)
    describeAdoption(bench)
    describeEnding(bench)
    describeDestroying(bench)
    describeLimits(bench, options)
    // What is not promised is not tested: an engine that does not isolate says so by its name.
    if (options.isolated) describeIsolation(bench)
  })
}
