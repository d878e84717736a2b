import { onTestFailed, TestRunner } from 'vitest'
import { type Fleet, type FleetOptions, openFleet } from './real-fleet.ts'

export type { Fleet, FleetOptions } from './real-fleet.ts'

/**
 * A fleet for tests: what its members said last is printed when the test fails that started it. One that several
 * tests share has no such test: those say themselves what is to be printed.
 */
export async function startFleet(options: FleetOptions = {}): Promise<Fleet> {
  const fleet = await openFleet(options)
  if (TestRunner.getCurrentTest() !== undefined) onTestFailed(() => fleet.printLogs())
  return fleet
}
