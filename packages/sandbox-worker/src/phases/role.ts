import type { Phase } from '@specfleet/shared'

/** Who works on a phase, and how. */
export type Role = {
  readonly phase: Phase
  /** As in "You are a …". */
  readonly title: string
  /** How this role thinks. */
  readonly manner: string
  /** What this phase is to bring about, and what its output is checked for. */
  readonly task: string
}
