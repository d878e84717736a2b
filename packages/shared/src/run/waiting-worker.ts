/**
 * How a worker is kept booted until there is work for it. Started with `flag`, it says `waiting` on its standard
 * output, then reads one line from its standard input, its whole environment as one JSON object, and answers `taken`.
 * The end of its input before that line is whole means that nobody needs it any more; so does the removal of the
 * folder that is named behind `flag`, in which its way to the bus will be.
 */
export const WAITING_WORKER = { flag: '--wait', waiting: 'waiting', taken: 'taken' } as const
