import * as z from 'zod'

/**
 * How phase output gets in. Models and users hand in snake_case JSON in more than one
 * dialect; each phase declares one tolerant input schema for all of them and one fold
 * into the shape the rest of Specfleet uses.
 *
 * 1. The normalised shape is camelCase, complete (a list that was not given is empty,
 *    a text that was not given is '') and carries `v: 1`.
 * 2. What already carries `v` is taken as normalised: normalising twice changes nothing.
 * 3. A field nobody knows never fails; a `null` counts as not given.
 * 4. Input schemas hold no transforms, so they can be sent to a model as they are.
 */

/** What is wrong with a value, in words that can be fed back to whoever wrote it. */
export interface Fault {
  /** Where, as in `tasks[3].dependencies`; empty for the whole. */
  path: string
  message: string
}

export type Normalised<T> = { ok: true; output: T } | { ok: false; faults: Fault[] }

interface Dialects<Input, Output> {
  input: z.ZodType<Input>
  output: z.ZodType<Output>
  /** The field that a bare list at the root stands for. */
  listField?: string
  fold: (input: Input) => { output: Output; faults: Fault[] }
}

const MAX_FAULTS = 20
const MAX_PRUNED_DEPTH = 16

/** Brings a value of any known dialect into the normalised shape, or says why it cannot. */
export function normaliseBy<Input, Output>(value: unknown, dialects: Dialects<Input, Output>): Normalised<Output> {
  if (isRecord(value) && 'v' in value) return parsed(dialects.output.safeParse(value))
  const root = Array.isArray(value) && dialects.listField !== undefined ? { [dialects.listField]: value } : value
  const input = parsed(dialects.input.safeParse(withoutNulls(root, 0)))
  if (!input.ok) return input
  const { output, faults } = dialects.fold(input.output)
  return faults.length > 0 ? { ok: false, faults: faults.slice(0, MAX_FAULTS) } : { ok: true, output }
}

function parsed<T>(result: z.ZodSafeParseResult<T>): Normalised<T> {
  if (result.success) return { ok: true, output: result.data }
  const faults = result.error.issues.map(({ path, message }) => ({ path: pathText(path), message }))
  return { ok: false, faults: faults.slice(0, MAX_FAULTS) }
}

function pathText(path: readonly PropertyKey[]): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else text += text === '' ? String(step) : `.${String(step)}`
  }
  return text
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function withoutNulls(value: unknown, depth: number): unknown {
  if (depth > MAX_PRUNED_DEPTH) return value
  if (Array.isArray(value))
    return value.filter((entry) => entry !== null).map((entry) => withoutNulls(entry, depth + 1))
  if (!isRecord(value)) return value
  const kept = Object.entries(value).filter(([, entry]) => entry !== null && entry !== undefined)
  return Object.fromEntries(kept.map(([key, entry]) => [key, withoutNulls(entry, depth + 1)]))
}

/** A text; some dialects give an object or a list where one line would do. */
export const WildText = z.union([z.string(), z.number(), z.boolean(), z.looseObject({}), z.array(z.unknown())], {
  error: 'give a text',
})
/** Several texts; a single one, or objects and maps with the texts inside, are understood too. */
export const WildTexts = z.union([z.array(WildText), z.string(), z.looseObject({})], {
  error: 'give a list of texts',
})
/** Ids, one or several. */
export const WildIds = z.union([z.array(z.string()), z.string()], { error: 'give a list of ids' })

/** The keys under which dialects keep the one text of an object, best first. */
const TEXT_KEYS = ['text', 'description', 'question', 'criterion', 'risk', 'metric', 'name', 'title', 'path', 'file']

/** The text of anything: '' when there is none. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value.trim()
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (Array.isArray(value)) return value.map(textOf).filter(Boolean).join('; ')
  if (!isRecord(value)) return ''
  for (const key of TEXT_KEYS) {
    const text = value[key]
    if (typeof text === 'string' && text.trim() !== '') return text.trim()
  }
  return linesOf(value).join('; ')
}

/** Texts without blanks, in their order; a map gives one line `key: text` an entry. */
export function textsOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.map(textOf).filter(Boolean)
  if (isRecord(value)) return linesOf(value)
  const text = textOf(value)
  return text === '' ? [] : [text]
}

/** As `textsOf`, each once. */
export const distinct = (values: readonly string[]): string[] => [...new Set(values)]

/** Ids, trimmed, each once, in their order. */
export const idsOf = (value: z.infer<typeof WildIds> | undefined): string[] =>
  distinct((typeof value === 'string' ? value.split(',') : (value ?? [])).map((id) => id.trim()).filter(Boolean))

function linesOf(map: Record<string, unknown>): string[] {
  return Object.entries(map).flatMap(([key, value]) => {
    const text = isRecord(value) || Array.isArray(value) ? compactJson(value) : textOf(value)
    return text === '' ? [] : [`${key}: ${text}`]
  })
}

function compactJson(value: unknown): string {
  if (Array.isArray(value) && value.every((entry) => typeof entry === 'string')) return value.join(', ')
  return JSON.stringify(value)
}
