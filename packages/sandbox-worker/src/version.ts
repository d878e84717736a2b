/** Said with `run.ready`; the same as in package.json. */
export const WORKER_VERSION = '0.1.0'
