import * as z from 'zod'
import { describeIssues, SpecfleetError } from './errors.ts'
import { Epoch, ProjectId, RunId, SandboxId, Sha256, SpecId, TaskId, TicketId } from './ids.ts'
import { ExecutionMode, Phase } from './phase.ts'

/**
 * Longest `PHASE_CONTEXT_B64`, in bytes. The kernel refuses any single argument or
 * variable over 128 KiB (`MAX_ARG_STRLEN`), so larger contexts travel as a blob.
 */
export const MAX_CONTEXT_B64 = 96 * 1024

/** The variables a sandbox is born with. */
export const SandboxEnv = z.object({
  SPEC_ID: SpecId,
  SPEC_PHASE: Phase.optional(),
  PHASE_CONTEXT_B64: z.string().optional(),
  EXECUTION_MODE: ExecutionMode.optional(),
  REQUIRE_SPEC_SKILL: z.enum(['true', 'false']).optional(),
  PROJECT_ID: ProjectId,
  TASK_ID: TaskId,
  TICKET_ID: TicketId.optional(),
  RUN_ID: RunId,
  RUN_EPOCH: z
    .string()
    .regex(/^[0-9]+$/, 'must be a whole number')
    .transform(Number)
    .pipe(Epoch),
  SANDBOX_ID: SandboxId,
  BUS_URL: z.string().regex(/^(nats|tls|wss?):\/\/.+|^unix:\/.+/, 'must be nats://, tls://, wss:// or unix:/path'),
  BUS_CREDS_B64: z.base64().optional(),
  MODEL: z.string().min(1).max(128),
  WORKSPACE: z.string().startsWith('/', 'must be an absolute path'),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
})
export type SandboxEnv = z.output<typeof SandboxEnv>

/** What a sandbox environment is written from. `BUS_URL` and `WORKSPACE` are the provider's to say. */
export type SandboxBirth = Omit<
  SandboxEnv,
  'RUN_EPOCH' | 'PHASE_CONTEXT_B64' | 'LOG_LEVEL' | 'BUS_URL' | 'WORKSPACE'
> & {
  BUS_URL?: string
  WORKSPACE?: string
  RUN_EPOCH: Epoch
  LOG_LEVEL?: SandboxEnv['LOG_LEVEL']
  context?: PhaseContext
}

/** Earlier phases' outputs by phase, or where they are to be fetched. */
export type PhaseContext =
  | { kind: 'inline'; outputs: Record<string, unknown> }
  | { kind: 'blob'; sha256: Sha256; bytes: number }

const BlobPointer = z.object({ $blob: Sha256, bytes: z.number().int().nonnegative() })
const Outputs = z.record(z.string(), z.unknown())

/** @throws SpecfleetError `sandbox-env.invalid`, naming every bad variable. */
export function parseSandboxEnv(env: Readonly<Record<string, string | undefined>>): SandboxEnv {
  const result = SandboxEnv.safeParse(env)
  if (!result.success) throw new SpecfleetError('sandbox-env.invalid', describeIssues(result.error))
  return result.data
}

/** @throws SpecfleetError `context.invalid` when it is not base64 of one UTF-8 JSON object. */
export function decodePhaseContext(base64: string): PhaseContext {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) throw new SpecfleetError('context.invalid', 'it is not base64')
  let value: unknown
  try {
    const bytes = Buffer.from(base64, 'base64')
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw new SpecfleetError('context.invalid', 'its content is not UTF-8 JSON', { cause })
  }
  const outputs = Outputs.safeParse(value)
  if (!outputs.success || Array.isArray(value))
    throw new SpecfleetError('context.invalid', 'its content is no JSON object')
  if (!('$blob' in outputs.data)) return { kind: 'inline', outputs: outputs.data }
  const pointer = BlobPointer.safeParse(value)
  if (!pointer.success) throw new SpecfleetError('context.invalid', describeIssues(pointer.error))
  return { kind: 'blob', sha256: pointer.data.$blob, bytes: pointer.data.bytes }
}

export function encodePhaseContext(context: PhaseContext): string {
  const value = context.kind === 'inline' ? context.outputs : { $blob: context.sha256, bytes: context.bytes }
  return Buffer.from(JSON.stringify(value), 'utf8').toString('base64')
}

/** The other direction: the strings a provider hands to the new process. */
export function writeSandboxEnv(birth: SandboxBirth): Record<string, string> {
  const { context, ...rest } = birth
  const env: Record<string, string> = {}
  for (const [name, value] of Object.entries(rest)) if (value !== undefined) env[name] = String(value)
  if (context !== undefined) env.PHASE_CONTEXT_B64 = encodePhaseContext(context)
  return env
}
