import { config } from 'zod'

/**
 * Zod compiles a parser for each object schema, which pays off after many parses. A worker boots once and
 * parses little. To be imported before any schema is made.
 */
config({ jitless: true })
