import type { IndexedGraph } from './ticket-graph.ts'

/**
 * One cycle for each strongly connected knot, in the order of their first nodes. Each begins
 * at the first node of its knot that lies on one and takes a shortest way round.
 */
export function findCycles(graph: IndexedGraph): string[][] {
  const knotOf = stronglyConnected(graph.edges)
  const knots = new Map<number, number[]>()
  for (const [index, knot] of knotOf.entries()) {
    const members = knots.get(knot)
    if (members === undefined) knots.set(knot, [index])
    else members.push(index)
  }
  const cycles: string[][] = []
  for (const members of knots.values()) {
    const [start] = members
    if (start === undefined) continue
    const lone = members.length === 1
    if (lone && !(graph.edges[start]?.includes(start) ?? false)) continue
    const way = lone ? [start] : shortestWayRound(start, graph.edges, knotOf)
    cycles.push(way.map((index) => graph.nodes[index]?.id ?? ''))
  }
  return cycles
}

/** Tarjan's algorithm with its recursion on a stack of its own: the number of the knot of every node. */
function stronglyConnected(edges: IndexedGraph['edges']): Int32Array {
  const size = edges.length
  const visited = new Int32Array(size).fill(-1)
  const low = new Int32Array(size)
  const nextEdge = new Int32Array(size)
  const knotOf = new Int32Array(size).fill(-1)
  const open: number[] = []
  let count = 0
  let knots = 0
  for (let root = 0; root < size; root++) {
    if (visited[root] !== -1) continue
    const path = [root]
    while (path.length > 0) {
      const node = path[path.length - 1] ?? 0
      if (visited[node] === -1) {
        visited[node] = low[node] = count++
        open.push(node)
      }
      const target = edges[node]?.[nextEdge[node] ?? 0]
      if (target !== undefined) {
        if (visited[target] === -1) path.push(target)
        else {
          if (knotOf[target] === -1) low[node] = Math.min(low[node] ?? 0, low[target] ?? 0)
          nextEdge[node] = (nextEdge[node] ?? 0) + 1
        }
        continue
      }
      path.pop()
      if (low[node] !== visited[node]) continue
      let member: number | undefined
      do {
        member = open.pop()
        if (member !== undefined) knotOf[member] = knots
      } while (member !== undefined && member !== node)
      knots++
    }
  }
  return knotOf
}

/** Breadth first from `start` along edges within its knot until an edge leads back. */
function shortestWayRound(start: number, edges: IndexedGraph['edges'], knotOf: Int32Array): number[] {
  const cameFrom = new Map<number, number>([[start, start]])
  const queue = [start]
  for (const node of queue) {
    for (const target of edges[node] ?? []) {
      if (target === start) return wayTo(node, start, cameFrom)
      if (knotOf[target] !== knotOf[start] || cameFrom.has(target)) continue
      cameFrom.set(target, node)
      queue.push(target)
    }
  }
  return [start]
}

function wayTo(end: number, start: number, cameFrom: ReadonlyMap<number, number>): number[] {
  const way = [end]
  for (let node = end; node !== start; ) {
    node = cameFrom.get(node) ?? start
    way.push(node)
  }
  return way.reverse()
}
