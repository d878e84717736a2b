import fc from 'fast-check'

/**
 * JSON as it is written, not as it is read: keys may repeat, and a leaf is whatever text stands
 * there, so that what `JSON.stringify` would never write can be written.
 */
export type Written =
  | { readonly leaf: string }
  | { readonly list: Written[] }
  | { readonly entries: [string, Written][] }

export function writtenOf(value: unknown): Written {
  if (Array.isArray(value)) return { list: value.map(writtenOf) }
  if (typeof value !== 'object' || value === null) return { leaf: JSON.stringify(value) }
  return { entries: Object.entries(value).map(([key, child]) => [JSON.stringify(key), writtenOf(child)]) }
}

export function textOf(written: Written): string {
  if ('leaf' in written) return written.leaf
  if ('list' in written) return `[${written.list.map(textOf).join(',')}]`
  return `{${written.entries.map(([key, child]) => `${key}:${textOf(child)}`).join(',')}}`
}

const nested = (depth: number, open: string, close: string) => `${open.repeat(depth)}0${close.repeat(depth)}`

/** Ids that are none: they would be other subjects, folders or keys. */
const strangeIds = ['a.b', '*', '>', 'a b', '', '../up', 'x'.repeat(65), '\u0000', 'ünï', '$JS.API', '_INBOX.x', 'a*b']
const strangeKeys = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  '',
  ' ',
  '\ud800',
  'v ',
  'V',
]

const strangeLeaf = fc.oneof(
  fc.constantFrom(
    'null',
    'true',
    '0',
    '-1',
    '-0',
    '1.5',
    '1e308',
    '1e999',
    '-1e999',
    '9007199254740993',
    '[]',
    '{}',
    '""',
    '"\\ud800"',
    '"\\udfff\\ud800"',
    '"\\u0000"',
    '"\\u2028"',
    '{"__proto__":{"polluted":true}}',
    '{"constructor":{"prototype":{"polluted":true}}}',
    '[[],[[]],[[],[[]]]]',
    // What no JSON has.
    'NaN',
    'undefined',
    '01',
    "'x'",
    '"\t"',
    '0x10',
  ),
  fc.constantFrom(...strangeIds).map((id) => JSON.stringify(id)),
  fc.integer().map(String),
  fc.double().map((number) => JSON.stringify(number)),
  fc.string({ maxLength: 40, unit: 'binary' }).map((text) => JSON.stringify(text)),
  fc.integer({ min: 2, max: 400 }).map((length) => JSON.stringify('x'.repeat(length * 3))),
  fc.integer({ min: 1, max: 300 }).map((depth) => nested(depth, '[', ']')),
  fc.integer({ min: 1, max: 300 }).map((depth) => nested(depth, '{"a":', '}')),
)

type Edit = {
  readonly at: number
  readonly how: 'replace' | 'drop' | 'add' | 'repeat' | 'rename' | 'wrap'
  readonly leaf: string
  readonly key: string
}

const edit: fc.Arbitrary<Edit> = fc.record({
  at: fc.nat(1_000),
  how: fc.constantFrom('replace', 'replace', 'replace', 'drop', 'drop', 'add', 'repeat', 'rename', 'wrap'),
  leaf: strangeLeaf,
  key: fc.constantFrom(...strangeKeys).map((key) => JSON.stringify(key)),
})

const sizeOf = (written: Written): number => {
  if ('leaf' in written) return 1
  const children = 'list' in written ? written.list : written.entries.map(([, child]) => child)
  return children.reduce((sum, child) => sum + sizeOf(child), 1)
}

/** The same tree with the node of that number, counted from the root, edited. */
function edited(written: Written, { at, ...how }: Edit): Written {
  let left = at % sizeOf(written)
  const visit = (node: Written): Written => {
    left -= 1
    if (left === -1) return changed(node, how)
    if (left < -1 || 'leaf' in node) return node
    if ('list' in node) return { list: node.list.map(visit) }
    return { entries: node.entries.map(([key, child]) => [key, visit(child)]) }
  }
  return visit(written)
}

function changed(node: Written, { how, leaf, key }: Omit<Edit, 'at'>): Written {
  const strange = { leaf }
  if ('leaf' in node || 'list' in node || node.entries.length === 0)
    return how === 'wrap' ? { list: [node] } : how === 'rename' ? { entries: [[key, node]] } : strange
  const [[firstKey, first], ...rest] = node.entries as [[string, Written], ...[string, Written][]]
  switch (how) {
    case 'replace':
      return strange
    case 'drop':
      return { entries: rest }
    case 'add':
      return { entries: [...node.entries, [key, strange]] }
    case 'repeat':
      return { entries: [...node.entries, [firstKey, strange]] }
    case 'rename':
      return { entries: [[key, first], ...rest] }
    case 'wrap':
      return { list: [node] }
  }
}

/** Text of a value with one to three edits somewhere in it. */
const editedText = (valid: fc.Arbitrary<unknown>): fc.Arbitrary<string> =>
  fc
    .tuple(valid, fc.array(edit, { minLength: 1, maxLength: 3 }))
    .map(([value, edits]) => textOf(edits.reduce(edited, writtenOf(value))))

const encoder = new TextEncoder()
const INVALID_UTF8 = [
  [0xff],
  [0xc3, 0x28],
  [0xe2, 0x82],
  [0xed, 0xa0, 0x80],
  [0xf8, 0x88, 0x80, 0x80, 0x80],
  [0xc0, 0xaf],
].map((bytes) => Uint8Array.from(bytes))
const joined = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts))

/** Bytes that were JSON: cut off, garbled, or with something before, behind or inside. */
const garbled = (valid: fc.Arbitrary<unknown>): fc.Arbitrary<Uint8Array> =>
  fc
    .tuple(
      valid,
      fc.nat(10_000),
      fc.constantFrom(...INVALID_UTF8),
      fc.constantFrom('cut', 'flip', 'splice', 'before', 'behind', 'twice'),
    )
    .map(([value, somewhere, strange, how]) => {
      const bytes = encoder.encode(JSON.stringify(value))
      const at = somewhere % bytes.length
      const ways = {
        cut: () => bytes.slice(0, at),
        flip: () => bytes.with(at, 255 - (bytes[at] ?? 0)),
        splice: () => joined(bytes.subarray(0, at), strange, bytes.subarray(at)),
        before: () => joined(strange, bytes),
        behind: () => joined(bytes, encoder.encode('}')),
        twice: () => joined(bytes, bytes),
      }
      return ways[how]()
    })

const noise = fc.oneof(
  fc.uint8Array({ maxLength: 64 }),
  fc.constant(new Uint8Array()),
  strangeLeaf.map((text) => encoder.encode(text)),
  fc.constantFrom(5_000, 20_000).map((depth) => encoder.encode(nested(depth, '[', ']'))),
)

/** Messages that once were a valid value, most of them still nearly are; some may happen to be valid. */
export const nearly = (valid: fc.Arbitrary<unknown>): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    { weight: 12, arbitrary: editedText(valid).map((text) => encoder.encode(text)) },
    { weight: 4, arbitrary: garbled(valid) },
    { weight: 1, arbitrary: noise },
  )
