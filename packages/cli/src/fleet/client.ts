import {
  ApiFailure,
  type ApiOperation,
  type Bus,
  type Command,
  CommandAnswer,
  describeIssues,
  fromWire,
  ListAnswer,
  type RunSummary,
  SpecfleetError,
  SpecId,
  SubmitAnswer,
  subjects,
} from '@specfleet/shared'
import * as z from 'zod'

const ANSWER_LIMIT_MS = 10_000

/** The fleet's operations, as any NATS client has them. Every method throws `SpecfleetError`. */
export class FleetClient {
  readonly bus: Bus

  constructor(bus: Bus) {
    this.bus = bus
  }

  /** Sends a task as it is: the fleet validates it and answers with what is wrong. */
  submit(task: unknown): Promise<SubmitAnswer> {
    return this.#ask('submit', task, SubmitAnswer)
  }

  list(what: 'specs' | 'runs' | 'orchestrators' | 'dead', limit = 100): Promise<ListAnswer> {
    return this.#ask('list', { what, limit }, ListAnswer)
  }

  command(command: Command): Promise<z.infer<typeof CommandAnswer>> {
    return this.#ask('command', command, CommandAnswer)
  }

  /** The spec a given id belongs to: its own, or that of the run with this id. */
  async specOf(id: string): Promise<{ specId: SpecId; runs: RunSummary[] }> {
    const Located = z.looseObject({ ok: z.literal(true), specId: SpecId, runs: z.array(z.unknown()) })
    const { specId } = await this.#ask('get', { id }, Located)
    const { runs } = await this.list('runs', 1000)
    return { specId, runs: (runs ?? []).filter((run) => run.specId === specId) }
  }

  async #ask<T>(operation: ApiOperation, request: unknown, schema: z.ZodType<T>): Promise<T> {
    const answer = await this.bus.requestJson(subjects.api(operation), request, { timeoutMs: ANSWER_LIMIT_MS })
    return readAnswer(answer, schema)
  }
}

/** @throws SpecfleetError the one the fleet answered with, or `internal` when the answer is unreadable. */
export function readAnswer<T>(answer: unknown, schema: z.ZodType<T>): T {
  const failure = ApiFailure.safeParse(answer)
  if (failure.success) throw fromWire(failure.data.error)
  const parsed = schema.safeParse(answer)
  if (!parsed.success) throw new SpecfleetError('internal', `unreadable answer, ${describeIssues(parsed.error)}`)
  return parsed.data
}
