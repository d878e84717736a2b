/** The public door of the embedded NATS server. */
export { type BubblewrapSearchResult, findBubblewrap } from './bubblewrap-binary.ts'
export { cacheFolder } from './cache-folder.ts'
export { type BinarySearch, type FoundBinary, findNatsServer } from './nats-binary.ts'
export { type NatsAuth, type NatsCluster, type NatsServerConfig, natsConfig } from './nats-config.ts'
export { launchNats, type NatsExit, type NatsProcess } from './nats-process.ts'
export { type EmbeddedNats, type EmbeddedNatsOptions, embeddedAddress, startEmbeddedNats } from './nats-server.ts'
export { type OperatorKeyFiles, operatorKeyFiles, readOperatorKit, writeOperatorKit } from './operator-keys.ts'
export { readServerInfo, type ServerInfo } from './server-info.ts'
