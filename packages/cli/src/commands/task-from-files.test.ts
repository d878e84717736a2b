import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ID_PATTERN, TaskInput } from '@specfleet/shared'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readSpec, specIdFrom, taskFromFlags, titleOf } from './task-from-files.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'specfleet-cli-'))
})
afterAll(() => rm(folder, { recursive: true }))

describe('taskFromFlags', () => {
  it('makes a task that the fleet accepts', async () => {
    const spec = join(folder, 'User auth.md')
    await writeFile(spec, '\n# User authentication\n\n- It must lock out after 5 tries\n')
    const task = await taskFromFlags(
      { spec, source: '.', priority: 'high', turns: '40', approval: 'design,tasks' },
      'ada',
    )
    const parsed = TaskInput.parse(task)
    expect(parsed).toMatchObject({
      kind: 'spec',
      specId: 'user-auth',
      title: 'User authentication',
      source: { git: process.cwd() },
      approval: ['design', 'tasks'],
      budget: { turns: 40 },
      submittedBy: 'ada',
    })
  })

  it('passes on what its sandboxes are to be', async () => {
    const limits = 'memoryMb=512, cpus=0.5'
    const task = await taskFromFlags({ prompt: 'x', provider: 'docker', image: 'tools:1', limits }, 'ada')
    expect(TaskInput.parse(task)).toMatchObject({
      provider: 'docker',
      image: 'tools:1',
      limits: { memoryMb: 512, cpus: 0.5 },
    })
    for (const wrong of ['memoryMb', 'cpus=', '=1', 'cpus=1=2', 'cpus=many'])
      await expect(taskFromFlags({ prompt: 'x', limits: wrong }, 'ada')).rejects.toMatchObject({ code: 'usage' })
  })

  it('leaves URLs alone and makes a prompt of a prompt', async () => {
    const task = await taskFromFlags({ prompt: 'Count the files', source: 'git@host:team/repo.git' }, 'ada')
    expect(task).toMatchObject({ kind: 'prompt', source: { git: 'git@host:team/repo.git' } })
  })

  it.each([
    ['bytes that are no UTF-8', Buffer.from([0xff, 0xfe, 0x00])],
    ['a NUL byte', Buffer.from('abc\0def')],
  ])('refuses %s', async (_, bytes) => {
    const file = join(folder, 'binary.md')
    await writeFile(file, bytes)
    await expect(readSpec(file)).rejects.toMatchObject({ code: 'spec.binary', exitCode: 2 })
  })

  it('says which file is missing', async () => {
    await expect(readSpec('/nowhere/spec.md')).rejects.toThrow('/nowhere/spec.md')
  })
})

describe('names', () => {
  it('makes an id of any file name, or none', () => {
    fc.assert(
      fc.property(fc.string(), (name) => {
        const id = specIdFrom(`${name}.md`)
        expect(id === undefined || ID_PATTERN.test(id)).toBe(true)
      }),
    )
  })

  it('takes the first heading for a title', () => {
    expect(titleOf('intro\n## Links, with analytics \n# Later')).toBe('Links, with analytics')
    expect(titleOf('just a line')).toBe('just a line')
  })
})
