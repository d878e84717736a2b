/** Real container engines for tests. */
export { baseArchive } from './docker-base.ts'
export { noDocker, startDocker, type TestDocker, type TestDockerOptions } from './docker-engine.ts'
