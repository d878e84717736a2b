import { describe, expect, it } from 'vitest'
import { INSIDE, insideEnvironment } from '../inside.ts'
import { type BwrapPlan, bwrapArguments, ENVIRONMENT_FD } from './bwrap-arguments.ts'

const plan: BwrapPlan = {
  bwrap: '/usr/bin/bwrap',
  system: [{ path: '/usr' }, { path: '/bin', link: 'usr/bin' }],
  shared: { node: '/s/node', bundle: '/s/worker.mjs', compileCache: '/s/cache', etc: '/s/etc' },
  writableCache: false,
  wire: '/b/wire',
  hostname: 'sandbox',
  workspaceBytes: 4096,
  scratchBytes: 1024,
  filterFd: 7,
  program: [INSIDE.node, INSIDE.bundle],
}

/** The options with their values, in order. */
function options(args: readonly string[]): string[][] {
  const end = args.indexOf('--')
  const found: string[][] = []
  for (const word of args.slice(1, end)) {
    if (word.startsWith('--')) found.push([word])
    else found.at(-1)?.push(word)
  }
  return found
}

describe('arguments of bwrap', () => {
  const args = bwrapArguments(plan)
  const all = options(args)
  const names = all.map(([name]) => name)

  it('makes every namespace and forbids more', () => {
    for (const kind of ['user', 'pid', 'ipc', 'uts', 'net']) expect(names).toContain(`--unshare-${kind}`)
    for (const name of ['--disable-userns', '--die-with-parent', '--new-session', '--clearenv'])
      expect(names).toContain(name)
    expect(all).toContainEqual(['--cap-drop', 'ALL'])
  })

  it('lets no folder of the host be written', () => {
    expect(names).not.toContain('--bind')
  })

  it('mounts the wire read-only, so that its socket cannot be replaced', () => {
    expect(all).toContainEqual(['--ro-bind', plan.wire, INSIDE.wire])
  })

  it('closes the root after everything is mounted, and before anything runs', () => {
    const closed = all.findIndex(([name, path]) => name === '--remount-ro' && path === '/')
    const mounts = all.flatMap(([name], index) => (/bind|tmpfs|proc|dev$|symlink/.test(name ?? '') ? [index] : []))
    expect(closed).toBeGreaterThan(Math.max(...mounts))
  })

  it('bounds each memory file system', () => {
    const unbounded = all.filter(([name], index) => name === '--tmpfs' && all[index - 1]?.[0] !== '--size')
    expect(unbounded).toEqual([])
    const sizes = all.flatMap(([name, size], index) => (name === '--size' ? [[all[index + 1]?.[1], size]] : []))
    expect(Object.fromEntries(sizes)).toEqual({
      '/dev/shm': '1024',
      '/tmp': '1024',
      [INSIDE.home]: '1024',
      [INSIDE.workspace]: '4096',
    })
  })

  it('keeps links of a merged /usr as links', () => {
    expect(all).toContainEqual(['--ro-bind', '/usr', '/usr'])
    expect(all).toContainEqual(['--symlink', 'usr/bin', '/bin'])
  })

  it('names a file for the environment and puts nothing of it among the variables', () => {
    const set = all.filter(([name]) => name === '--setenv').map(([, name]) => name)
    expect(set).toEqual(Object.keys(insideEnvironment(ENVIRONMENT_FD)))
    expect(set.filter((name) => name?.startsWith('BUS'))).toEqual([])
  })

  it('passes the filter where there is one', () => {
    expect(all).toContainEqual(['--seccomp', '7'])
    expect(bwrapArguments({ ...plan, filterFd: undefined })).not.toContain('--seccomp')
  })

  it('opens the cache only while it is made', () => {
    expect(all).toContainEqual(['--ro-bind', '/s/cache', INSIDE.compileCache])
    expect(options(bwrapArguments({ ...plan, writableCache: true }))).toContainEqual([
      '--bind',
      '/s/cache',
      INSIDE.compileCache,
    ])
  })

  it('ends with the program', () => {
    expect(args.slice(args.indexOf('--') + 1)).toEqual([INSIDE.node, INSIDE.bundle])
  })
})
