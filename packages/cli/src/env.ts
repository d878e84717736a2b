import { homedir, userInfo } from 'node:os'
import { resolve } from 'node:path'
import { describeIssues, SpecfleetError } from '@specfleet/shared'
import * as z from 'zod'
import { cacheFolder } from './embedded/nats.ts'

const Variables = z.object({
  NATS_URL: z.string().min(1).optional(),
  NATS_CREDS: z.string().min(1).optional(),
  SPECFLEET_HOME: z.string().min(1).default('.specfleet'),
  XDG_CACHE_HOME: z.string().optional(),
  PATH: z.string().default(''),
})

/** What the command line is told by its environment. */
export type CliEnv = {
  /** An external server; absent means the embedded one of `home`. */
  readonly natsUrl: string | undefined
  readonly natsCredsFile: string | undefined
  /** Absolute. Holds the embedded server's data, logs and exported plans. */
  readonly home: string
  readonly cacheDir: string
  readonly path: string
  readonly user: string
  /** For the processes that we start: they read their own variables. */
  readonly inherited: Readonly<Record<string, string | undefined>>
}

/** The only reader of `process.env` in this process. @throws SpecfleetError `config.invalid` */
export function readEnv(): CliEnv {
  const parsed = Variables.safeParse(process.env)
  if (!parsed.success) throw new SpecfleetError('config.invalid', describeIssues(parsed.error))
  const variables = parsed.data
  return {
    natsUrl: variables.NATS_URL,
    natsCredsFile: variables.NATS_CREDS,
    home: resolve(variables.SPECFLEET_HOME),
    cacheDir: cacheFolder({ platform: process.platform, home: homedir(), xdgCacheHome: variables.XDG_CACHE_HOME }),
    path: variables.PATH,
    user: userInfo().username,
    inherited: process.env,
  }
}
