import type { Violation } from '../trial.ts'
import type { Disturbance } from './evidence.ts'
import { against, unless } from './violation.ts'

/** Whoever woke up among its successors and ended by itself said why. */
export function judgeZombie({ zombie, ended }: Disturbance): Violation[] {
  const promise = 'zombies end'
  return [
    ...unless(zombie === undefined || /^specfleet-worker: .{10,}/.test(zombie.lastLine), () =>
      against(promise, 'a worker that woke up behind its fence did not say why it ended', [zombie?.lastLine ?? '']),
    ),
    ...ended.flatMap(({ id, how, lastLine }) =>
      unless(/^specfleet-orchestrator: .{10,}/.test(lastLine), () =>
        against(promise, `orchestrator ${id} ended with ${how} and did not say why`, [lastLine]),
      ),
    ),
  ]
}

/** The last lines of those that ended by themselves. */
export const notesOf = ({ zombie, ended }: Disturbance): string[] => [
  ...(zombie === undefined ? [] : [`the worker ended: ${zombie.lastLine}`]),
  ...ended.map(({ id, lastLine }) => `orchestrator ${id} ended: ${lastLine}`),
]
