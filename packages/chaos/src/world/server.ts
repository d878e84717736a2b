import { type Bus, DURABLES, PRIORITIES } from '@specfleet/shared'
import * as z from 'zod'

/** What the server itself knows, by its own API and not by ours. */

const LIMIT_MS = 5_000
const Info = z.looseObject({ state: z.looseObject({ messages: z.number(), last_seq: z.number() }) })
const Streams = z.looseObject({ streams: z.array(z.string()).nullish() })
const Consumers = z.looseObject({
  consumers: z
    .array(
      z.looseObject({
        name: z.string(),
        config: z.looseObject({ durable_name: z.string().optional(), inactive_threshold: z.number().optional() }),
      }),
    )
    .nullish(),
})
const Subjects = z.looseObject({ state: z.looseObject({ subjects: z.record(z.string(), z.number()).nullish() }) })
const Connections = z.looseObject({
  data: z.looseObject({ connections: z.array(z.looseObject({ name: z.string().optional() })).nullish() }),
})

const ask = async <T>(bus: Bus, subject: string, body: unknown, schema: z.ZodType<T>): Promise<T> =>
  schema.parse(await bus.requestJson(subject, body, { timeoutMs: LIMIT_MS }))

export async function streamInfo(app: Bus, name: string): Promise<{ messages: number; lastSeq: number }> {
  const { state } = await ask(app, `$JS.API.STREAM.INFO.${name}`, {}, Info)
  return { messages: state.messages, lastSeq: state.last_seq }
}

/** Consumers that were not declared and that the server does not remove by itself once nobody pulls from them. */
export async function strayConsumers(app: Bus): Promise<string[]> {
  const declared = new Set(PRIORITIES.map((priority) => DURABLES.intake(priority)))
  const { streams } = await ask(app, '$JS.API.STREAM.NAMES', {}, Streams)
  const found = (streams ?? []).map(async (stream) => {
    const { consumers } = await ask(app, `$JS.API.CONSUMER.LIST.${stream}`, {}, Consumers)
    return (consumers ?? [])
      .filter(
        ({ name, config }) => !declared.has(name) && (config.durable_name !== undefined || !config.inactive_threshold),
      )
      .map(({ name }) => `consumer ${name} of ${stream}`)
  })
  return (await Promise.all(found)).flat()
}

/** Content hashes of everything in the object store. */
export async function blobsOf(app: Bus, bucket: string): Promise<string[]> {
  const prefix = `$O.${bucket}.M.`
  const body = { subjects_filter: `${prefix}>` }
  const { state } = await ask(app, `$JS.API.STREAM.INFO.OBJ_${bucket}`, body, Subjects)
  return Object.keys(state.subjects ?? {}).map((subject) =>
    Buffer.from(subject.slice(prefix.length), 'base64url').toString('utf8'),
  )
}

/** Names of everybody who is connected. */
export async function connectionsAt(system: Bus): Promise<string[]> {
  const { data } = await ask(system, '$SYS.REQ.SERVER.PING.CONNZ', { limit: 1024 }, Connections)
  return (data.connections ?? []).map(({ name }) => name ?? 'without a name')
}
