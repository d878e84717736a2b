import { describe, expect, it } from 'vitest'
import { descend, descendants, type Process, parseStat } from './processes.ts'

const stat = (pid: number, name: string, parent: number, start: number) =>
  `${pid} (${name}) S ${parent} 10 20 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 ${start} 0 0`

describe('a line of /proc/<pid>/stat', () => {
  it('is read whatever the name of the process is', () => {
    for (const name of ['sh', 'a b', ') R 1 (', '((', '99 (x) S 1']) {
      expect(parseStat(stat(42, name, 7, 5_000))).toEqual({ pid: 42, parent: 7, session: 20, start: '5000' })
    }
  })

  it('is nothing when it is none', () => {
    for (const line of ['', 'x', '42', '42 (sh) S', '-1 (sh) S 1 2 3']) expect(parseStat(line)).toBeUndefined()
  })
})

describe('the way down from a process', () => {
  const process = (pid: number, parent: number, start: number): Process => ({
    pid,
    parent,
    session: 1,
    start: String(start),
  })
  const tree = [
    process(1, 0, 1),
    process(2, 1, 2),
    process(9, 2, 30),
    process(3, 2, 4),
    process(4, 3, 5),
    process(5, 1, 3),
  ]

  it('follows the first child that was born, not the lowest number', () => {
    expect(descend(tree, 1, 1)?.pid).toBe(2)
    expect(descend([...tree, process(10, 2, 3)], 1, 2)?.pid).toBe(10)
    expect(descend(tree, 1, 3)?.pid).toBe(4)
  })

  it('may be that to all below', () => {
    expect(descendants(tree, 2).map(({ pid }) => pid)).toEqual([9, 3, 4])
    expect(descendants(tree, 1).map(({ pid }) => pid)).toEqual([2, 5, 9, 3, 4])
    expect(descendants(tree, 5)).toEqual([])
  })

  it('ends where nobody is', () => {
    expect(descend(tree, 1, 4)).toBeUndefined()
    expect(descend(tree, 77, 0)).toBeUndefined()
  })
})
