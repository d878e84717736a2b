import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MAX_OVERLAPS } from './footprints.ts'
import { LAYERS } from './outputs/vocabulary.ts'
import { analyseGraph, type GraphNode } from './ticket-graph.ts'

const node = (id: string, dependsOn: string[] = [], more: Partial<GraphNode> = {}): GraphNode => ({
  id,
  dependsOn,
  layer: null,
  files: [],
  hours: 1,
  ...more,
})

describe('a graph', () => {
  test('without nodes has nothing to say', () => {
    expect(analyseGraph([])).toEqual({
      duplicates: [],
      dangling: [],
      cycles: [],
      layerFaults: [],
      waves: [],
      criticalPath: [],
      criticalPathHours: 0,
      overlaps: [],
      overlapsTruncated: false,
    })
  })

  test('names duplicates and dangling references', () => {
    const { duplicates, dangling, waves } = analyseGraph([node('a', ['x']), node('a'), node('b', ['a', 'y'])])
    expect(duplicates).toEqual(['a'])
    expect(dangling).toEqual([
      { id: 'a', dependsOn: 'x' },
      { id: 'b', dependsOn: 'y' },
    ])
    expect(waves).toEqual([['a'], ['b']])
  })

  test('names each cycle with the ids around it', () => {
    const { cycles, waves } = analyseGraph([
      node('a', ['b']),
      node('b', ['c', 'd']),
      node('c', ['a']),
      node('d', ['d']),
      node('e', ['a']),
      node('f'),
      node('x', ['y']),
      node('y', ['x']),
    ])
    expect(cycles).toEqual([['a', 'b', 'c'], ['d'], ['x', 'y']])
    expect(waves).toEqual([['f']])
  })

  test('refuses a dependency on a higher layer', () => {
    const { layerFaults } = analyseGraph([
      node('a', ['b', 'c'], { layer: 'L1' }),
      node('b', [], { layer: 'L2' }),
      node('c', [], { layer: 'L1' }),
      node('d', ['b']),
    ])
    expect(layerFaults).toEqual([{ id: 'a', layer: 'L1', dependsOn: 'b', dependsOnLayer: 'L2' }])
  })

  test('takes the way with the most hours, and milestones order without being work', () => {
    const { waves, criticalPath, criticalPathHours, cycles } = analyseGraph([
      node('long', [], { hours: 5 }),
      node('short', [], { hours: 1 }),
      node('done', ['long', 'short'], { hours: 0, milestone: true }),
      node('after', ['done'], { hours: 2 }),
      node('beside', ['short'], { hours: 3 }),
    ])
    expect(cycles).toEqual([])
    expect(waves).toEqual([
      ['long', 'short'],
      ['after', 'beside'],
    ])
    expect(criticalPath).toEqual(['long', 'after'])
    expect(criticalPathHours).toBe(7)
  })

  test('finds unordered writers of one file', () => {
    const files = ['src/a.ts']
    const { overlaps } = analyseGraph([
      node('a', [], { files }),
      node('b', ['m'], { files: ['src/a.ts', 'src/b.ts', 'src/b.ts'] }),
      node('m', ['a']),
      node('c', [], { files: ['src/b.ts', 'src/a.ts'] }),
    ])
    expect(overlaps).toEqual([
      { file: 'src/a.ts', tasks: ['a', 'c'] },
      { file: 'src/a.ts', tasks: ['b', 'c'] },
      { file: 'src/b.ts', tasks: ['b', 'c'] },
    ])
  })
})

/** Graphs with cycles, self-loops and dangling references. */
const anyGraph = fc.integer({ min: 0, max: 9 }).chain((size) =>
  fc.array(
    fc.record({
      dependsOn: fc.uniqueArray(fc.integer({ min: 0, max: size }), { maxLength: 3 }),
      files: fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 2 }),
      hours: fc.integer({ min: 0, max: 4 }),
      layer: fc.option(fc.constantFrom(...LAYERS)),
    }),
    { minLength: size, maxLength: size },
  ),
)
type Drawn = typeof anyGraph extends fc.Arbitrary<infer T> ? T : never
const named = (drawn: Drawn): GraphNode[] =>
  drawn.map((entry, index) => ({ ...entry, id: `n${index}`, dependsOn: entry.dependsOn.map((to) => `n${to}`) }))

/** Brute force: who depends on whom, directly or not. */
function closure(nodes: readonly GraphNode[]): Map<string, Set<string>> {
  const reach = new Map(nodes.map(({ id }) => [id, new Set<string>()]))
  for (const { id } of nodes) {
    const queue = [id]
    for (const from of queue) {
      for (const to of nodes.find((other) => other.id === from)?.dependsOn ?? []) {
        if (!reach.has(to) || reach.get(id)?.has(to)) continue
        reach.get(id)?.add(to)
        queue.push(to)
      }
    }
  }
  return reach
}

describe('for any graph', () => {
  test('cycles are cycles, and there is one for each knot', () => {
    fc.assert(
      fc.property(anyGraph.map(named), (nodes) => {
        const reach = closure(nodes)
        const { cycles } = analyseGraph(nodes)
        for (const cycle of cycles) {
          for (const [step, id] of cycle.entries()) {
            const next = cycle[(step + 1) % cycle.length] ?? ''
            expect(nodes.find((each) => each.id === id)?.dependsOn).toContain(next)
          }
          expect(new Set(cycle).size).toBe(cycle.length)
        }
        const knots = new Set(
          nodes
            .filter(({ id }) => reach.get(id)?.has(id))
            .map(({ id }) =>
              [...(reach.get(id) ?? [])]
                .filter((other) => reach.get(other)?.has(id))
                .sort()
                .join(),
            ),
        )
        expect(cycles.length).toBe(knots.size)
      }),
    )
  })

  test('waves hold exactly what no cycle blocks, behind all it depends on', () => {
    fc.assert(
      fc.property(anyGraph.map(named), (nodes) => {
        const reach = closure(nodes)
        const onCycle = (id: string) => reach.get(id)?.has(id) ?? false
        const waveOf = new Map(analyseGraph(nodes).waves.flatMap((wave, at) => wave.map((id) => [id, at] as const)))
        for (const { id, dependsOn } of nodes) {
          const blocked = onCycle(id) || [...(reach.get(id) ?? [])].some(onCycle)
          expect(waveOf.has(id)).toBe(!blocked)
          if (blocked) continue
          const known = dependsOn.flatMap((other) => waveOf.get(other) ?? [])
          expect(waveOf.get(id)).toBe(1 + Math.max(-1, ...known))
        }
      }),
    )
  })

  test('the critical path is a chain, and none has more hours', () => {
    fc.assert(
      fc.property(anyGraph.map(named), (nodes) => {
        const { criticalPath, criticalPathHours, waves } = analyseGraph(nodes)
        const byId = new Map(nodes.map((each) => [each.id, each]))
        for (const [step, id] of criticalPath.slice(1).entries()) {
          expect(byId.get(id)?.dependsOn).toContain(criticalPath[step])
        }
        const total = new Map<string, number>()
        for (const id of waves.flat()) {
          const { dependsOn = [], hours = 0 } = byId.get(id) ?? {}
          total.set(id, hours + Math.max(0, ...dependsOn.map((other) => total.get(other) ?? 0)))
        }
        expect(criticalPathHours).toBe(Math.max(0, ...total.values()))
        expect(criticalPath.reduce((sum, id) => sum + (byId.get(id)?.hours ?? 0), 0)).toBe(criticalPathHours)
      }),
    )
  })

  test('overlaps are the unordered pairs that share a file', () => {
    fc.assert(
      fc.property(anyGraph.map(named), (nodes) => {
        const reach = closure(nodes)
        const { overlaps, waves } = analyseGraph(nodes)
        const free = nodes.filter(({ id }) => waves.flat().includes(id))
        const expected = free.flatMap((a, at) =>
          free.slice(at + 1).flatMap((b) => {
            if (reach.get(a.id)?.has(b.id) || reach.get(b.id)?.has(a.id)) return []
            return [...new Set(a.files)]
              .filter((file) => b.files.includes(file))
              .map((file) => `${file} ${a.id} ${b.id}`)
          }),
        )
        expect(overlaps.map(({ file, tasks }) => `${file} ${tasks.join(' ')}`).sort()).toEqual(expected.sort())
      }),
    )
  })
})

describe('5,000 nodes', () => {
  const many = (make: (index: number) => Partial<GraphNode>) =>
    Array.from({ length: 5_000 }, (_, index) => node(`n${index}`, [], make(index)))
  const previous = (index: number) => (index === 0 ? [] : [`n${index - 1}`])

  test.each([
    ['a chain that shares one file', (index: number) => ({ dependsOn: previous(index), files: ['log'] }), 0],
    ['a ring', (index: number) => ({ dependsOn: index === 0 ? ['n4999'] : previous(index), files: ['log'] }), 0],
    ['strangers that share one file', () => ({ files: ['log'] }), MAX_OVERLAPS],
    [
      'a web',
      (index: number) => ({
        dependsOn: [1, 2, 3, 40, 500].map((back) => `n${index - back}`),
        files: [`f${index % 700}`],
      }),
      0,
    ],
  ])('%s', (_, make, overlaps) => {
    const started = performance.now()
    const analysis = analyseGraph(many(make))
    expect(performance.now() - started).toBeLessThan(2_000)
    expect(analysis.overlaps.length).toBe(overlaps)
    expect(analysis.waves.flat().length + analysis.cycles.flat().length).toBe(5_000)
  })

  test('a file shared across batches', () => {
    // Two neighbours share each other file, in order, so that all 5,000 nodes have to be looked at.
    const nodes = many((index) => ({
      files: index % 2_000 === 0 ? ['x'] : [`own${index >> 1}`],
      dependsOn: index % 2 === 1 ? previous(index) : [],
    }))
    const pairs = analyseGraph(nodes).overlaps
    expect(pairs.map(({ tasks }) => tasks)).toEqual([
      ['n0', 'n2000'],
      ['n0', 'n4000'],
      ['n2000', 'n4000'],
    ])
  })
})
