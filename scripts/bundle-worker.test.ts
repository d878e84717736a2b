import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { bundleWorker } from '../packages/sandbox-worker/bundle.ts'

test('the worker is one file that runs alone and brings its texts along', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'specfleet-bundle-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const worker = join(folder, 'worker.mjs')
  await bundleWorker(worker)
  const code = await readFile(worker, 'utf8')
  expect(code).not.toContain('SKILL.md')
  const ended = new Promise((resolve) => {
    execFile(process.execPath, [worker], { env: {}, cwd: folder }, (error, _, stderr) => resolve([error?.code, stderr]))
  })
  expect(await ended).toEqual([78, expect.stringContaining('RUN_ID')])
})
