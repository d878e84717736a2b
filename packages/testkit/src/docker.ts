/** Real Docker engines for tests. */
export { baseImage } from './docker-base-image.ts'
export { startDocker, type TestDocker, type TestDockerOptions } from './docker-engine.ts'
export {
  type DockerSearch,
  type FoundDocker,
  findDocker,
  findDockerForAll,
  skipWithoutDocker,
} from './docker-search.ts'
export { type StockedDocker, startStockedDocker } from './image-stock.ts'
