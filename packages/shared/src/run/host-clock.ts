/** Milliseconds of a clock that never jumps and that all processes of a host share, also in its sandboxes. */
export const hostNowMs = (): number => Number(process.hrtime.bigint() / 1_000n) / 1_000
