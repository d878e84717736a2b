import type { Phase } from '@specfleet/shared'

/** The tool by which the output of a phase is handed in. */
export const handInName = (phase: Phase): `hand_in_${Phase}` => `hand_in_${phase}`
