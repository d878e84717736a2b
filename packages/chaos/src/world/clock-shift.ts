import { fileURLToPath } from 'node:url'

/** A module to be evaluated first in a process whose wall clock is to be moved by SIGUSR2. */
export const CLOCK_SHIFT = fileURLToPath(new URL('./clock-shift.mjs', import.meta.url))
