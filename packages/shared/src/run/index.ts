export * from './causes.ts'
export * from './liveness.ts'
export * from './record.ts'
export * from './waiting-worker.ts'
