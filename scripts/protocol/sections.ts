import {
  ApiFailure,
  Beat,
  BlobAnswer,
  BlobRequest,
  Command,
  CommandAnswer,
  ControlMessage,
  ControlTaken,
  DESK_SERVICES,
  Envelope,
  ERRORS,
  FACTS,
  GetAnswer,
  GetRequest,
  ListAnswer,
  ListRequest,
  MemoryAnswer,
  MemoryRequest,
  ModelAnswer,
  ModelRequest,
  ResumeState,
  SubmitAnswer,
  TaskInput,
  TRACES,
  TurnRecord,
  WatchAnswer,
  WatchRequest,
  WORKER_FACT_TYPES,
} from '@specfleet/shared'
import type { z } from 'zod'
import { fieldTable } from './field-table.ts'

const shape = (title: string, schema: z.ZodType): string[] => [`**${title}**`, '', ...fieldTable(schema), '']

const worker = new Set<string>(WORKER_FACT_TYPES)

const facts = (): string[] =>
  Object.entries(FACTS).flatMap(([type, schema]) =>
    shape(`${type}${worker.has(type) ? ' — a worker may state it' : ''}`, schema),
  )

const traces = (): string[] => Object.entries(TRACES).flatMap(([type, schema]) => shape(type, schema))

const errors = (): string[] => [
  '| code | meaning | what to do | retry helps | HTTP | exit |',
  '| --- | --- | --- | --- | --- | --- |',
  ...Object.entries(ERRORS).map(
    ([code, e]) =>
      `| \`${code}\` | ${e.meaning} | ${e.next.replaceAll('|', '\\|')} | ${e.retryable ? 'yes' : 'no'} | ${e.httpStatus} | ${e.exitCode} |`,
  ),
]

/** What stands in the page in place of `<!-- schema: NAME -->`. */
export const SECTIONS: Readonly<Record<string, () => string[]>> = {
  envelope: () => fieldTable(Envelope),
  task: () => fieldTable(TaskInput),
  facts,
  traces,
  beat: () => fieldTable(Beat),
  control: () => [...shape('Control message', ControlMessage), ...shape('Confirmation', ControlTaken)],
  turn: () => fieldTable(TurnRecord),
  desk: () => [
    `Services: ${DESK_SERVICES.map((name) => `\`${name}\``).join(', ')}.`,
    '',
    ...shape('Answer body of `resume` (JSON)', ResumeState),
    ...shape('`blob`, request meta', BlobRequest),
    ...shape('`blob`, answer meta', BlobAnswer),
    ...shape('`model`, request meta', ModelRequest),
    ...shape('`model`, answer meta', ModelAnswer),
    ...shape('`memory`, request meta', MemoryRequest),
    ...shape('`memory`, answer meta', MemoryAnswer),
  ],
  api: () => [
    ...shape('Any failure', ApiFailure),
    ...shape('`submit`, answer (the request is a task)', SubmitAnswer),
    ...shape('`get`, request', GetRequest),
    ...shape('`get`, answer', GetAnswer),
    ...shape('`list`, request', ListRequest),
    ...shape('`list`, answer', ListAnswer),
    ...shape('`command`, request', Command),
    ...shape('`command`, answer', CommandAnswer),
    ...shape('`watch`, request', WatchRequest),
    ...shape('`watch`, answer (one or more)', WatchAnswer),
  ],
  errors,
}
