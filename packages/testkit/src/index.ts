export { type SecuredTestNats, startNats, type TestNats, type TestNatsOptions } from './nats-server.ts'
