/** What a part of the checks came to. */
export type Tally = {
  passed: number
  /** Names of what failed. */
  failed: readonly string[]
  skipped: readonly { test: string; reason: string }[]
}

export const NOTHING: Tally = { passed: 0, failed: [], skipped: [] }

export const passed = (count: number): Tally => ({ ...NOTHING, passed: count })
export const failed = (name: string): Tally => ({ ...NOTHING, failed: [name] })

export function addTallies(a: Tally, b: Tally): Tally {
  return {
    passed: a.passed + b.passed,
    failed: [...a.failed, ...b.failed],
    skipped: [...a.skipped, ...b.skipped],
  }
}

/** The last line of a run, for people and for machines. */
export function summary({ passed, failed, skipped }: Tally): string {
  const counts = `${passed} passed, ${failed.length} failed`
  return skipped.length === 0 ? counts : `${counts}, ${skipped.length} skipped`
}
