import type { Heard } from '../world/chronicle.ts'

const LONGEST = 240

/** An entry of the log in a line. */
export function factLine({ seq, subject, fact }: Heard): string {
  if (fact === undefined) return `#${seq} ${subject}: nobody may say that`
  const { type, runId, epoch, by, at, data } = fact
  return `#${seq} ${at} ${runId}.${epoch} ${type} by ${by} ${JSON.stringify(data).slice(0, LONGEST)}`
}
