import type { RequirementsOutput } from '@specfleet/shared'
import { byFrequency } from '../explore/paths.ts'
import type { Outline, Section, Table } from '../text/outline.ts'
import { roleOf } from '../text/section-roles.ts'
import { camelCase, identifierWords, pascalCase, singular } from '../text/words.ts'
import { nameWords } from './groups.ts'

export type PlannedModel = {
  name: string
  description: string
  fields: Record<string, string>
  relationships: string[]
}

const SPEAKS_OF_DATA = /\b(?:stor|persist|record|databas|table|schema|model|entit|field|column|saved?\b|row)/i
const MOST_MODELS = 12
const MOST_FIELDS = 24

/**
 * The data that the spec describes: in sections about data, in tables and type declarations, and in
 * sentences such as "a link has a code and a target". Where it only speaks of keeping something, that
 * something, with an id and what the spec says it has.
 */
export function dataModels(outline: Outline, requirements: RequirementsOutput): PlannedModel[] {
  const models = new Map<string, Record<string, string>>()
  const add = (name: string, fields: Record<string, string>) => {
    const key = modelName(name)
    if (key === '' || Object.keys(fields).length === 0) return
    models.set(key, Object.fromEntries(Object.entries({ ...models.get(key), ...fields }).slice(0, MOST_FIELDS)))
  }
  for (const section of outline.sections) readSection(section, add)
  if (models.size === 0 && requirements.requirements.some(({ text }) => SPEAKS_OF_DATA.test(text))) {
    const [name, fields] = impliedModel(requirements)
    add(name, fields)
  }
  const names = [...models.keys()].slice(0, MOST_MODELS)
  return names.map((name) => {
    const fields = models.get(name) ?? {}
    return {
      name,
      description: `${name} as the spec describes it`,
      fields,
      relationships: relationshipsOf(name, fields, names),
    }
  })
}

type Add = (name: string, fields: Record<string, string>) => void

function readSection(section: Section, add: Add): void {
  const isData = roleOf(section) === 'data'
  for (const { text, children } of section.items) {
    const [, name = '', list = ''] = MODEL_LINE.exec(text) ?? MODEL_IN_PARENTHESES.exec(text) ?? []
    if (isData && list !== '') add(name, fieldsOf(list))
    else if (isData && children.length > 0)
      add(text.replace(/[:`]/g, ''), Object.assign({}, ...children.map((child) => fieldOf(child.text))))
    const [, owner = '', owned = ''] = HAS.exec(text) ?? []
    if (owner !== '') add(owner, fieldsOf(owned))
  }
  for (const table of section.tables) readTable(table, section.title, add)
  for (const code of section.code) readCode(code, section.title, add)
}

/** "Link: code, url" and "Link (code, url)". */
const MODEL_LINE = /^`?([A-Za-z][\w -]{0,40}?)`?\s*(?::|—|–| - )\s*(.+)$/
const MODEL_IN_PARENTHESES = /^`?([A-Za-z][\w -]{0,40}?)`?\s*\((.+)\)$/

/** "A link has a code, a target URL and an optional expiry". */
const HAS =
  /^(?:each|every|an?|the)\s+([a-z][\w-]*(?:\s[a-z][\w-]*)?)\s+(?:has|have|consists? of|contains?|holds?|is made of|must have|must contain|must hold|stores?)\s+((?:(?:an?|the|its|one|optional)\s|`).+?)\.?$/i

function readTable({ header, rows }: Table, title: string, add: Add): void {
  const name = header.findIndex((cell) => /^(?:field|column|attribute|property|name)$/i.test(cell))
  const type = header.findIndex((cell) => /^type$/i.test(cell))
  if (name === -1 || type === -1) return
  add(
    title,
    Object.fromEntries(rows.flatMap((row) => (row[name] ? [[fieldName(row[name] ?? ''), row[type] ?? 'text']] : []))),
  )
}

/** Type declarations and JSON examples. */
function readCode(code: string, title: string, add: Add): void {
  for (const [, name = '', body = ''] of code.matchAll(
    /\b(?:interface|type|class|struct|model|message)\s+([A-Z]\w*)[^{]*\{([^}]*)\}/g,
  )) {
    const fields = [...body.matchAll(/^\s*(?:readonly\s+)?([A-Za-z_]\w*)\??\s*[:\s]\s*([^;,\n]+)/gm)]
    add(name, Object.fromEntries(fields.map(([, field = '', type = '']) => [field, type.trim()])))
  }
  const pairs = /^\s*\{/.test(code)
    ? [...code.matchAll(/"([A-Za-z_]\w*)"\s*:\s*("[^"]*"|-?\d+(?:\.\d+)?|true|false|null|\[|\{)/g)]
    : []
  if (title !== '') add(title, Object.fromEntries(pairs.map(([, field = '', value = '']) => [field, jsonType(value)])))
}

function jsonType(value: string): string {
  if (value.startsWith('"')) return 'text'
  if (value === '[') return 'list'
  if (value === '{') return 'object'
  if (value === 'true' || value === 'false') return 'boolean'
  return value === 'null' ? 'nothing yet' : 'number'
}

/** "code (string), url and createdAt" as fields with their types. */
function fieldsOf(list: string): Record<string, string> {
  const entries = list.split(/,(?![^(]*\))|;|\band\b(?![^(]*\))/)
  return Object.assign({}, ...entries.map(fieldOf))
}

function fieldOf(text: string): Record<string, string> {
  const [, said = ''] = /\(([^)]*)\)/.exec(text) ?? /:\s*(.+)$/.exec(text) ?? []
  const type = said.replace(/\boptional\b,?\s*|,\s*optional\b/gi, '').trim()
  const bare = text.replace(/\([^)]*\)/g, '').replace(/:.*$/, '')
  const optional = /\boptional(?:ly)?\b/i.test(text)
  const name = fieldName(bare.replace(/^\s*(?:(?:an?|the|its|one|exactly one|optional(?:ly)?|unique)\s+)+/i, ''))
  return name === '' ? {} : { [name]: `${type || typeOfName(name)}${optional ? ', optional' : ''}` }
}

const FIELD_WORDS = 4

/** A name in code style stays as it is; words become one. */
function fieldName(text: string): string {
  const [literal] = /[A-Za-z_]\w*(?=`)/.exec(text) ?? []
  const words = text.trim().split(/\s+/)
  if (literal !== undefined) return literal
  return words.length === 1 && /^[A-Za-z_]\w*$/.test(words[0] ?? '')
    ? (words[0] ?? '')
    : words.length > FIELD_WORDS
      ? ''
      : camelCase(identifierWords(text))
}

function typeOfName(name: string): string {
  if (/(?:At|On|date|time|timestamp|expiry|deadline)$/i.test(name)) return 'timestamp'
  if (/(?:count|number|size|limit|total|amount|age|hits|visits|seconds|days)$/i.test(name)) return 'integer'
  if (/^(?:is|has)[A-Z]|(?:enabled|active|done|completed|deleted)$/i.test(name)) return 'boolean'
  if (/id$/i.test(name)) return 'identifier'
  if (/url|link$/i.test(name)) return 'URL'
  return /(?<![aisu])s$|list$/i.test(name) ? 'list' : 'text'
}

const KEPT =
  /\b(?:store|save|persist|record|keep|create|add|delete|remove|edit|update|list|hold)(?:s|d|ing)?\s+(?:(?:an?|the|each|every|all|their|new|its|any|one|more|up to|\d+)\s+)*([a-z][a-z-]+)\b/gi

function impliedModel({ requirements, featureName }: RequirementsOutput): [string, Record<string, string>] {
  const texts = requirements.map(({ text }) => text)
  const kept = texts.flatMap((text) => [...text.matchAll(KEPT)].map(([, noun = '']) => singular(noun.toLowerCase())))
  const name = byFrequency(kept)[0] ?? featureName
  const owned = texts.flatMap((text) =>
    [...text.matchAll(new RegExp(String.raw`\b([a-z]+) of (?:an?|the|each|every) ${RegExp.escape(name)}\b`, 'gi'))].map(
      ([, field = '']) => field.toLowerCase(),
    ),
  )
  const fields = Object.fromEntries([...new Set(owned)].map((field) => [field, typeOfName(field)]))
  return [name, { id: 'identifier', ...fields }]
}

const modelName = (text: string): string => pascalCase(nameWords(text).map(singular))

function relationshipsOf(name: string, fields: Record<string, string>, names: readonly string[]): string[] {
  return names
    .filter(
      (other) =>
        other !== name && Object.keys(fields).some((field) => field.toLowerCase().startsWith(other.toLowerCase())),
    )
    .map((other) => `belongs to ${other}`)
}
