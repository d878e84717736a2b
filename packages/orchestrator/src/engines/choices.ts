/** How an operator writes down which engines there are, and how many sandboxes each may have. */
import * as z from 'zod'
import { ENGINE_NAMES, PROVIDER_CHOICES } from '../providers/registry.ts'

/** `docker,process`: in overflow order. */
export const providerList = z
  .string()
  .transform((text) => text.split(',').map((name) => name.trim()))
  .pipe(z.array(z.enum(PROVIDER_CHOICES)))
  .refine((names) => names.length === 1 || !names.includes('process-unsafe'), {
    message: 'process-unsafe stands alone: what overflowed to it would lose its isolation',
  })

/** Of sandboxes. What is left empty is no number: none at all is written as 0. */
const count = z.string().regex(/^\d+$/, 'is no number of sandboxes').transform(Number).pipe(z.number().max(10_000))

/** `docker=8,process=4` */
export const providerSlots = z
  .string()
  .transform((text): unknown => text.split(',').map((part) => part.split('=').map((word) => word.trim())))
  .pipe(z.array(z.tuple([z.enum(ENGINE_NAMES), count])))
  .refine((pairs) => new Set(pairs.map(([name]) => name)).size === pairs.length, { message: 'names a provider twice' })
  .transform((pairs): ReadonlyMap<string, number> => new Map(pairs))
