import * as z from 'zod'

/** The part of JSON Schema that our wire shapes need. */
type Schema = {
  type?: string | string[]
  const?: unknown
  enum?: unknown[]
  anyOf?: Schema[]
  oneOf?: Schema[]
  allOf?: Schema[]
  items?: Schema | boolean
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: Schema | boolean
  pattern?: string
  format?: string
  minimum?: number
  maximum?: number
  maxLength?: number
  maxItems?: number
  default?: unknown
}

const jsonSchema = (schema: z.ZodType): Schema =>
  z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Schema

const cell = (text: string): string => text.replaceAll('|', '\\|')

/** A type in one short phrase: `string ≤ 512`, `"high" \| "low"`, `{ git, ref? }`. */
function describeType(schema: Schema | boolean | undefined, depth = 0): string {
  if (schema === undefined || typeof schema === 'boolean') return 'any'
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(' | ')
  const union = schema.anyOf ?? schema.oneOf
  if (union !== undefined) return union.map((member) => describeType(member, depth)).join(' | ')
  if (schema.type === 'array') return `${parenthesise(describeType(schema.items, depth + 1))}[]${most(schema.maxItems)}`
  if (schema.type === 'object') return describeObject(schema, depth)
  if (schema.format === 'date-time') return 'time (ISO 8601, UTC)'
  if (schema.pattern === '^[A-Za-z0-9_-]{1,64}$') return 'id'
  if (schema.type === 'string') return `string${most(schema.maxLength)}`
  if (schema.type === 'integer' || schema.type === 'number') return `${schema.type}${range(schema)}`
  return Array.isArray(schema.type) ? schema.type.join(' | ') : (schema.type ?? 'any')
}

const parenthesise = (text: string): string => (text.includes(' ') ? `(${text})` : text)
const most = (limit: number | undefined): string => (limit === undefined ? '' : ` ≤ ${limit}`)

function range({ minimum, maximum }: Schema): string {
  const low = minimum === undefined || minimum <= Number.MIN_SAFE_INTEGER ? '' : ` ≥ ${minimum}`
  const high = maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER ? '' : ` ≤ ${maximum}`
  return `${low}${high}`
}

function describeObject(schema: Schema, depth: number): string {
  const names = Object.entries(schema.properties ?? {})
  if (names.length === 0) return 'object'
  const required = new Set(schema.required ?? [])
  const fields = names.map(([name, field]) => {
    const mark = required.has(name) ? '' : '?'
    return depth > 1 ? `${name}${mark}` : `${name}${mark}: ${describeType(field, depth + 1)}`
  })
  return `{ ${fields.join(', ')} }`
}

/** The fields of an object schema as Markdown table rows; a union as one table for each member. */
export function fieldTable(schema: z.ZodType): string[] {
  const root = jsonSchema(schema)
  const members = root.anyOf ?? root.oneOf
  if (members !== undefined) return members.flatMap((member) => [...objectTable(member), ''])
  return objectTable(root)
}

function objectTable(schema: Schema): string[] {
  const required = new Set(schema.required ?? [])
  const rows = Object.entries(schema.properties ?? {}).map(([name, field]) => {
    const need =
      field.default !== undefined ? `default \`${JSON.stringify(field.default)}\`` : required.has(name) ? 'yes' : 'no'
    return `| \`${name}\` | ${cell(describeType(field))} | ${need} |`
  })
  return rows.length === 0 ? ['(no fields)'] : ['| field | type | required |', '| --- | --- | --- |', ...rows]
}
