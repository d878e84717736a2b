import { appendFileSync, existsSync, readFileSync, truncateSync } from 'node:fs'
import { SpecfleetError } from '@specfleet/shared'
import * as z from 'zod'
import { isPointName, SIDES } from '../points/point.ts'
import type { Outcome, Trial } from '../trial.ts'
import { PROVIDERS, type Provider, VICTIMS } from '../world/victim.ts'
import { reproduce } from './reproduce.ts'

const Strike = z.object({
  victim: z.enum(VICTIMS),
  at: z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('point'),
      point: z.object({
        name: z.string().refine(isPointName),
        nth: z.number().int().min(1),
        side: z.enum(SIDES),
      }),
    }),
    z.object({ kind: z.literal('time'), afterMs: z.number() }),
  ]),
  strikes: z.enum(['once', 'every-epoch']).exactOptional(),
})

/** An outcome as one line of the journal. */
const Line = z.object({
  /** By what sandboxes were made. */
  provider: z.enum(PROVIDERS).default('process'),
  trial: Strike.extend({ seed: z.number(), first: Strike.exactOptional() }),
  violations: z.array(z.object({ promise: z.string(), sentence: z.string(), evidence: z.array(z.string()) })),
  recoveryMs: z.number().exactOptional(),
  coldStartsMs: z.array(z.number()),
  turnsPaidTwice: z.number(),
  skipped: z.string().exactOptional(),
  notes: z.array(z.string()),
})

/** Outcomes on disk: a matrix takes hours, and what was found out by then shall not be lost with the machine. */
export interface Journal {
  /** What earlier runs by the same provider came to for that place of the matrix. */
  find(trial: Trial): Outcome | undefined
  add(outcome: Outcome): void
}

/**
 * Goes on with the file that is there. Only outcomes that held, or struck nothing, count: what was violated is tried again.
 * @throws SpecfleetError `config.invalid` when it is no journal
 */
export function openJournal(file: string, provider: Provider): Journal {
  const known = new Map<string, Outcome>()
  for (const { provider: by, ...outcome } of existsSync(file) ? readLines(file) : [])
    if (by === provider && outcome.violations.length === 0) known.set(placeOf(outcome.trial), outcome)
  return {
    find: (trial) => known.get(placeOf(trial)),
    add: (outcome) => appendFileSync(file, `${JSON.stringify({ provider, ...outcome })}\n`),
  }
}

/** How often something is said may differ from run to run: which one of its name it was does not count. */
const placeOf = (trial: Trial): string => reproduce(trial, { provider: 'process' }).replace(/#\d+/g, '')

function readLines(file: string): (Outcome & { readonly provider: Provider })[] {
  const text = readFileSync(file, 'utf8')
  const lines = text.split('\n')
  // Whoever wrote the last one may have been killed on the way.
  const torn = lines.pop() ?? ''
  if (torn !== '') truncateSync(file, Buffer.byteLength(text) - Buffer.byteLength(torn))
  return lines.map((written, index) => {
    const line = Line.safeParse(parse(written))
    if (!line.success) throw new SpecfleetError('config.invalid', `${file}:${index + 1} is no outcome of a trial`)
    return { ...line.data, recoveryMs: line.data.recoveryMs }
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
