import type { Violation } from '../trial.ts'
import type { Disturbance } from './evidence.ts'
import { against, unless } from './violation.ts'

/** A worker that woke up behind its fence ended by itself, and said why. */
export function judgeZombie({ zombie }: Disturbance): Violation[] {
  if (zombie === undefined) return []
  return unless(/^specfleet-worker: .{10,}/.test(zombie.lastLine), () =>
    against('zombies end', 'a worker that woke up behind its fence did not say why it ended', [zombie.lastLine]),
  )
}
