import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { MAX_RESULT_CHARS } from './cap.ts'
import { Toolbox } from './registry.ts'
import { workspaceTools } from './workspace-tools.ts'

const signal = new AbortController().signal
let workdir: string
let toolbox: Toolbox
beforeEach(async () => {
  workdir = await mkdtemp(join(tmpdir(), 'specfleet-tools-'))
  toolbox = new Toolbox(
    workspaceTools({ workdir, env: { PATH: process.env.PATH ?? '', HOME: workdir, LANG: 'C.UTF-8' }, access: 'read' }),
  )
  onTestFinished(async () => {
    await toolbox[Symbol.asyncDispose]()
    await rm(workdir, { recursive: true, force: true })
  })
})

const run = async (name: string, input: unknown) => {
  const { content, isError } = await toolbox.run({ id: 'call', name, input }, signal)
  return { text: typeof content === 'string' ? content : JSON.stringify(content), isError }
}

describe('workspaceTools', () => {
  it('offers what changes files only where that is wanted', () => {
    const names = (access: 'read' | 'write') =>
      workspaceTools({ workdir, env: {}, access }).map(({ definition }) => definition.name)
    expect(names('read')).toEqual(['bash', 'read', 'glob', 'grep'])
    expect(names('write')).toEqual(['bash', 'read', 'write', 'edit', 'glob', 'grep'])
  })

  it('shows commands three variables of ours', async () => {
    process.env.BUS_CREDS_B64 = 'secret'
    onTestFinished(() => void delete process.env.BUS_CREDS_B64)
    const { text } = await run('bash', { command: 'env' })
    expect(text).toContain(`HOME=${workdir}`)
    expect(text).not.toContain('secret')
    const own = text.split('\n').map((line) => line.split('=')[0])
    expect(
      own.filter((name) => !['PWD', 'SHLVL', '_', 'TERM', 'PS1', 'PS2', 'OLDPWD'].includes(name ?? '')).sort(),
    ).toEqual(['HOME', 'LANG', 'PATH'])
  })

  it('keeps the file tools inside', async () => {
    await symlink('/etc/passwd', join(workdir, 'link'))
    for (const path of ['/etc/passwd', '../../etc/passwd', 'link']) {
      expect(await run('read', { file_path: path })).toMatchObject({ isError: true })
    }
  })

  it('caps what it gives back', async () => {
    await writeFile(join(workdir, 'long.txt'), 'x'.repeat(200_000))
    const { text, isError } = await run('read', { file_path: 'long.txt' })
    expect(isError).toBe(false)
    expect(text.length).toBeLessThanOrEqual(MAX_RESULT_CHARS)
    expect(text).toContain('left out')
  })

  it('answers a wrong input and an unknown tool', async () => {
    expect(await run('read', {})).toMatchObject({ isError: true })
    expect(await run('teleport', {})).toMatchObject({ isError: true, text: expect.stringContaining('no tool') })
  })
})
