import type { IndexedGraph } from './ticket-graph.ts'

/** Two nodes that write one file, though nothing says which goes first. */
export interface Overlap {
  file: string
  tasks: [string, string]
}

/** So many are listed; a plan with more needs another cut, not a longer list. */
export const MAX_OVERLAPS = 1_000

const WORD_BITS = 32
const BATCH = 1_024
const BATCH_WORDS = BATCH / WORD_BITS

/**
 * Finds the pairs that write one file without an order between them; nodes on or behind a cycle
 * are left out.
 *
 * Only nodes that share a file matter, so reachability is computed towards those alone, in
 * batches of bits: memory grows with the nodes, not with their square. A node depends only on
 * nodes before it in topological order, so each pair is found once, from its later end.
 */
export function findOverlaps(graph: IndexedGraph, order: readonly number[]) {
  const shared = sharedFiles(graph, order)
  const sharing = new Set([...shared.values()].flat())
  const contested = order.filter((index) => sharing.has(index))
  const rank = new Map(contested.map((index, position) => [index, position]))
  const overlaps: Overlap[] = []
  for (let from = 0; from < contested.length; from += BATCH) {
    const batch = contested.slice(from, from + BATCH)
    const behind = reachableBits(graph, order, batch)
    for (const file of new Set(batch.flatMap((index) => graph.nodes[index]?.files ?? []))) {
      const writers = shared.get(file) ?? []
      for (const [earlier, later] of unorderedPairs({ writers, rank, from, behind, contested })) {
        if (overlaps.length === MAX_OVERLAPS) return { overlaps, overlapsTruncated: true }
        const [first, second] = earlier < later ? [earlier, later] : [later, earlier]
        overlaps.push({ file, tasks: [graph.nodes[first]?.id ?? '', graph.nodes[second]?.id ?? ''] })
      }
    }
  }
  return { overlaps, overlapsTruncated: false }
}

/** The files that more than one node writes, each with its writers in topological order. */
function sharedFiles({ nodes }: IndexedGraph, order: readonly number[]): Map<string, number[]> {
  const writersOf = new Map<string, number[]>()
  for (const index of order) {
    for (const file of new Set(nodes[index]?.files)) {
      const writers = writersOf.get(file)
      if (writers === undefined) writersOf.set(file, [index])
      else writers.push(index)
    }
  }
  for (const [file, writers] of writersOf) if (writers.length < 2) writersOf.delete(file)
  return writersOf
}

/** For every node, the members of the batch that it depends on, directly or not. */
function reachableBits(
  { nodes, edges }: IndexedGraph,
  order: readonly number[],
  batch: readonly number[],
): Uint32Array {
  const bits = new Uint32Array(nodes.length * BATCH_WORDS)
  const bitOf = new Map(batch.map((index, bit) => [index, bit]))
  for (const index of order) {
    const own = index * BATCH_WORDS
    for (const target of edges[index] ?? []) {
      const other = target * BATCH_WORDS
      for (let word = 0; word < BATCH_WORDS; word++)
        bits[own + word] = (bits[own + word] ?? 0) | (bits[other + word] ?? 0)
      const bit = bitOf.get(target)
      if (bit !== undefined) setBit(bits, own, bit)
    }
  }
  return bits
}

interface Writers {
  writers: readonly number[]
  /** Position of each contested node among the contested. */
  rank: ReadonlyMap<number, number>
  /** Position at which the batch begins. */
  from: number
  behind: Uint32Array
  contested: readonly number[]
}

/** Pairs of an earlier writer out of the batch and a later one that does not depend on it. */
function* unorderedPairs({ writers, rank, from, behind, contested }: Writers): Generator<[number, number]> {
  const mask = new Uint32Array(BATCH_WORDS)
  for (const later of writers) {
    const position = rank.get(later) ?? 0
    // The mask holds the writers before this one, since writers come in the order of their positions.
    if (position >= from) yield* pairsOf(later, mask, behind, (bit) => contested[from + bit])
    if (position >= from && position < from + BATCH) setBit(mask, 0, position - from)
  }
}

function* pairsOf(
  later: number,
  mask: Uint32Array,
  behind: Uint32Array,
  nodeAt: (bit: number) => number | undefined,
): Generator<[number, number]> {
  for (let word = 0; word < BATCH_WORDS; word++) {
    let left = (mask[word] ?? 0) & ~(behind[later * BATCH_WORDS + word] ?? 0)
    while (left !== 0) {
      const lowest = left & -left
      const earlier = nodeAt(word * WORD_BITS + 31 - Math.clz32(lowest))
      if (earlier !== undefined) yield [earlier, later]
      left ^= lowest
    }
  }
}

function setBit(bits: Uint32Array, start: number, bit: number): void {
  const word = start + Math.floor(bit / WORD_BITS)
  bits[word] = (bits[word] ?? 0) | (1 << (bit % WORD_BITS))
}
