import { findCycles } from './cycles.ts'
import { findOverlaps, type Overlap } from './footprints.ts'
import { LAYERS, type Layer } from './outputs/vocabulary.ts'

/** A unit of work in a graph of dependencies. */
export interface GraphNode {
  id: string
  layer: Layer | null
  /** Ids of the nodes that must be done first. */
  dependsOn: readonly string[]
  /** Paths that it writes. */
  files: readonly string[]
  /** Estimate; 0 where unknown. */
  hours: number
  /** Orders other nodes and is no work itself: it shows in cycles, not in waves and paths. */
  milestone?: boolean
}

export interface LayerFault {
  id: string
  layer: Layer
  dependsOn: string
  dependsOnLayer: Layer
}

export interface GraphAnalysis {
  /** Ids that more than one node bears; the first one counts. */
  duplicates: string[]
  /** References to nodes that do not exist. */
  dangling: { id: string; dependsOn: string }[]
  /** One cycle for each knot, as the ids around it: each depends on the next, the last on the first. */
  cycles: string[][]
  /** Dependencies on a higher layer. */
  layerFaults: LayerFault[]
  /** What can run at the same time, wave after wave; nodes on or behind a cycle are in none. */
  waves: string[][]
  /** The chain of dependent nodes with the most hours, first to do first. */
  criticalPath: string[]
  criticalPathHours: number
  /** Pairs that write one file with no order between them. */
  overlaps: Overlap[]
  /** Whether there are more overlaps than were listed. */
  overlapsTruncated: boolean
}

/** A graph by positions: edges lead to what a node depends on. */
export interface IndexedGraph {
  nodes: readonly GraphNode[]
  edges: readonly (readonly number[])[]
}

/**
 * Everything that is to be known about a graph of work. Deterministic: the same nodes in the
 * same order give the same answer. Near-linear in nodes, edges and file entries.
 */
export function analyseGraph(given: readonly GraphNode[]): GraphAnalysis {
  const { graph, duplicates, dangling } = indexGraph(given)
  const order = topologicalOrder(graph)
  return {
    duplicates,
    dangling,
    cycles: findCycles(graph),
    layerFaults: findLayerFaults(graph),
    waves: wavesOf(graph, order),
    ...criticalPathOf(graph, order),
    ...findOverlaps(graph, order),
  }
}

function indexGraph(given: readonly GraphNode[]) {
  const indexOf = new Map<string, number>()
  const nodes: GraphNode[] = []
  const duplicates = new Set<string>()
  for (const node of given) {
    if (indexOf.has(node.id)) duplicates.add(node.id)
    else indexOf.set(node.id, nodes.push(node) - 1)
  }
  const dangling: GraphAnalysis['dangling'] = []
  const edges = nodes.map(({ id, dependsOn }) => {
    const targets = new Set<number>()
    for (const name of dependsOn) {
      const target = indexOf.get(name)
      if (target === undefined) dangling.push({ id, dependsOn: name })
      else targets.add(target)
    }
    return [...targets]
  })
  const graph: IndexedGraph = { nodes, edges }
  return { graph, duplicates: [...duplicates], dangling }
}

/** Positions so that each comes behind all it depends on, without those on or behind a cycle. */
function topologicalOrder({ nodes, edges }: IndexedGraph): number[] {
  const dependants: number[][] = nodes.map(() => [])
  const missing = edges.map((targets) => targets.length)
  for (const [from, targets] of edges.entries()) for (const target of targets) dependants[target]?.push(from)
  const order = [...nodes.keys()].filter((index) => missing[index] === 0)
  // The list grows while it is walked.
  for (const done of order) {
    for (const next of dependants[done] ?? []) {
      const left = (missing[next] ?? 0) - 1
      missing[next] = left
      if (left === 0) order.push(next)
    }
  }
  return order
}

function findLayerFaults({ nodes, edges }: IndexedGraph): LayerFault[] {
  const faults: LayerFault[] = []
  for (const [from, targets] of edges.entries()) {
    const { id, layer } = nodes[from] ?? { id: '', layer: null }
    if (layer === null) continue
    for (const target of targets) {
      const other = nodes[target]
      if (other === undefined || other.layer === null) continue
      if (LAYERS.indexOf(other.layer) <= LAYERS.indexOf(layer)) continue
      faults.push({ id, layer, dependsOn: other.id, dependsOnLayer: other.layer })
    }
  }
  return faults
}

function wavesOf({ nodes, edges }: IndexedGraph, order: readonly number[]): string[][] {
  const level = new Int32Array(nodes.length).fill(-1)
  for (const index of order) {
    let highest = -1
    for (const target of edges[index] ?? []) highest = Math.max(highest, level[target] ?? -1)
    level[index] = nodes[index]?.milestone === true ? highest : highest + 1
  }
  const sorted = new Set(order)
  const waves: string[][] = []
  for (const [index, { id, milestone }] of nodes.entries()) {
    const wave = level[index] ?? -1
    if (milestone === true || wave < 0 || !sorted.has(index)) continue
    while (waves.length <= wave) waves.push([])
    waves[wave]?.push(id)
  }
  return waves
}

/** Among chains of equal hours the longer one, then the one that ends first in the given order. */
function criticalPathOf({ nodes, edges }: IndexedGraph, order: readonly number[]) {
  const hours = new Float64Array(nodes.length)
  const steps = new Int32Array(nodes.length)
  const before = new Int32Array(nodes.length).fill(-1)
  const longer = (a: number, b: number): boolean =>
    b === -1 || (hours[a] ?? 0) > (hours[b] ?? 0) || (hours[a] === hours[b] && (steps[a] ?? 0) > (steps[b] ?? 0))
  for (const index of order) {
    let best = -1
    for (const target of edges[index] ?? []) if (longer(target, best)) best = target
    const node = nodes[index]
    before[index] = best
    hours[index] = (hours[best] ?? 0) + (node?.hours ?? 0)
    steps[index] = (steps[best] ?? 0) + (node?.milestone === true ? 0 : 1)
  }
  let last = -1
  for (const index of [...order].sort((a, b) => a - b)) if (longer(index, last)) last = index
  const criticalPathHours = hours[last] ?? 0
  const path: string[] = []
  for (let index = last; index !== -1; index = before[index] ?? -1) {
    const node = nodes[index]
    if (node !== undefined && node.milestone !== true) path.push(node.id)
  }
  return { criticalPath: path.reverse(), criticalPathHours }
}
