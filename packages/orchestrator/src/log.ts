import { SpecfleetError } from '@specfleet/shared'

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]
export type LogFields = Readonly<Record<string, unknown>>

/** Structured log: one wide event for each unit of work, named `what.happened`. */
export interface Log {
  debug(event: string, fields?: LogFields): void
  info(event: string, fields?: LogFields): void
  warn(event: string, fields?: LogFields): void
  error(event: string, fields?: LogFields): void
  /** The same log with fields that every event then carries. */
  with(fields: LogFields): Log
}

export type LogOptions = {
  level: LogLevel
  now: () => Date
  /** Takes one line without its newline. */
  write: (line: string) => void
}

export function openLog(options: LogOptions, fields: LogFields = {}): Log {
  const least = LOG_LEVELS.indexOf(options.level)
  const emit =
    (level: LogLevel) =>
    (event: string, more: LogFields = {}) => {
      if (LOG_LEVELS.indexOf(level) < least) return
      options.write(JSON.stringify({ at: options.now().toISOString(), level, event, ...fields, ...more }, readable))
    }
  return {
    debug: emit('debug'),
    info: emit('info'),
    warn: emit('warn'),
    error: emit('error'),
    with: (more) => openLog(options, { ...fields, ...more }),
  }
}

/** Errors are no JSON by themselves; a stack is worth its space only where the fault is ours. */
function readable(_key: string, value: unknown): unknown {
  if (value instanceof SpecfleetError && value.code !== 'internal') return { code: value.code, message: value.message }
  if (value instanceof Error) return { name: value.name, message: value.message, stack: value.stack }
  return value
}
