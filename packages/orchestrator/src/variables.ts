/** The environment of an orchestrator, variable by variable: what each may be, and what it is when it is not given. */
import { ADOPTION_GRACE_MS, ID_PATTERN } from '@specfleet/shared'
import * as z from 'zod'
import { providerList, providerSlots } from './engines/choices.ts'
import { LOG_LEVELS } from './log.ts'

const whole = (least: number, most: number) => z.coerce.number().int().min(least).max(most)
const amount = (least: number, most: number) => z.coerce.number().min(least).max(most)

/** Every variable the orchestrator reads. Files hold what must not stand in an environment. */
export const Variables = z.object({
  NATS_URL: z.string().regex(/^(nats|tls|wss?):\/\/\S+$/, 'must be nats://, tls://, ws:// or wss://'),
  NATS_CREDS: z.string().optional(),
  NATS_SYSTEM_CREDS: z.string().optional(),
  NATS_OPERATOR_SEED_FILE: z.string().optional(),
  NATS_APP_ACCOUNT: z
    .string()
    .regex(/^A[A-Z2-7]{55}$/, 'must be the public key of an account')
    .optional(),
  NATS_REPLICAS: z.enum(['1', '3', '5']).default('1'),
  SPECFLEET_HOME: z.string().optional(),
  SPECFLEET_FLEET: z.string().regex(ID_PATTERN, 'must be 1 to 64 letters, digits, "_" or "-"').optional(),
  SPECFLEET_SLOTS: whole(0, 10_000).optional(),
  BWRAP_PATH: z.string().startsWith('/', 'must be an absolute path').optional(),
  SPECFLEET_PROVIDER: providerList.default(['auto']),
  SPECFLEET_PROVIDER_SLOTS: providerSlots.default(new Map()),
  SPECFLEET_POLICY: z.string().optional(),
  DOCKER_HOST: z.string().min(1).default('unix:///var/run/docker.sock'),
  DOCKER_TLS_VERIFY: z.string().optional(),
  DOCKER_CERT_PATH: z.string().optional(),
  SPECFLEET_IMAGE: z.string().min(1).max(512).optional(),
  SPECFLEET_RUNTIME: z.string().min(1).max(64).optional(),
  MODEL_UPSTREAM: z.enum(['auto', 'offline', 'anthropic']).default('auto'),
  MODEL: z.string().min(1).max(128).default('claude-sonnet-5-5'),
  ANTHROPIC_BASE_URL: z.url({ protocol: /^https?$/ }).optional(),
  ANTHROPIC_API_KEY: z.string().min(1).optional(),
  ANTHROPIC_API_KEY_FILE: z.string().optional(),
  WARM_FLOOR: whole(0, 1_000).default(1),
  WARM_CEILING: whole(0, 1_000).default(8),
  SANDBOX_MEMORY_MB: whole(64, 1_048_576).default(1024),
  SANDBOX_DISK_MB: whole(16, 1_048_576).default(1024),
  SANDBOX_CPUS: amount(0.1, 1024).default(1),
  SANDBOX_PIDS: whole(64, 65_536).default(256),
  SANDBOX_MINUTES: amount(0.1, 10_080).default(120),
  SANDBOX_OUTPUT_MB: whole(1, 1_048_576).default(64),
  HEARTBEAT_LIMIT_MS: whole(1_500, 3_600_000).default(10_000),
  BOOT_LIMIT_MS: whole(1_000, 3_600_000).default(60_000),
  ADOPTION_GRACE_MS: whole(0, 3_600_000).default(ADOPTION_GRACE_MS),
  STOP_GRACE_MS: whole(100, 3_600_000).default(15_000),
  PAUSE_GRACE_MS: whole(100, 3_600_000).default(600_000),
  DRAIN_LIMIT_MS: whole(100, 3_600_000).default(20_000),
  BREAKER_FIRST_MS: whole(1, 3_600_000).default(1_000),
  BREAKER_LONGEST_MS: whole(1, 86_400_000).default(60_000),
  BREAKER_QUOTA_MS: whole(1, 86_400_000).default(60_000),
  BACKOFF_FIRST_MS: whole(1, 3_600_000).default(1_000),
  BACKOFF_LONGEST_MS: whole(1, 86_400_000).default(60_000),
  BACKOFF_PROVEN_MS: whole(0, 86_400_000).default(60_000),
  ATTEMPT_LIMIT: whole(1, 1000).default(5),
  ACCOUNT_SWEEP_MS: whole(1_000, 86_400_000).default(600_000),
  FLOOD_FACTS_PER_SECOND: whole(1, 1_000_000).default(200),
  BACKLOG_LIMIT: whole(1, 1_000_000).default(10_000),
  SOURCE_MAX_MB: amount(0.001, 1_048_576).default(200),
  BLOB_MAX_MB: amount(0.001, 1_048_576).default(100),
  RUN_BLOBS_MAX_MB: amount(0.001, 1_048_576).default(1024),
  WORKER_BUNDLE: z.string().optional(),
  LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),
})
export type Variables = z.output<typeof Variables>

/** Of the process that builds and checks images. */
export const ImageVariables = Variables.pick({
  SPECFLEET_HOME: true,
  DOCKER_HOST: true,
  DOCKER_TLS_VERIFY: true,
  DOCKER_CERT_PATH: true,
  SPECFLEET_IMAGE: true,
  WORKER_BUNDLE: true,
}).extend({ BASE_IMAGE: z.string().min(1).max(512).optional() })
export type ImageVariables = z.output<typeof ImageVariables>
