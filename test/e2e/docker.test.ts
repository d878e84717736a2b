import { expect, test } from 'vitest'
import { baseImage, skipWithoutDocker, startDocker } from '../../packages/testkit/src/docker.ts'
import { emptyHome, runCommand } from './command-line.ts'
import { PHASES } from './plans.ts'

const LIMIT_MS = 240_000

test('an image is built with one command, and a spec becomes a plan in containers of it', {
  timeout: LIMIT_MS,
}, async (context) => {
  await skipWithoutDocker(context)
  await using docker = await startDocker()
  await using home = await emptyHome()
  const env = { ...home.env, DOCKER_HOST: docker.host }

  const missing = await runCommand(['image', 'check'], env)
  expect(missing).toMatchObject({ code: 1, stdout: expect.stringContaining('run `specfleet image build`') })
  const refused = await runCommand(['demo', '--provider', 'docker'], env)
  expect(refused).toMatchObject({ code: 78, stderr: expect.stringContaining('specfleet image build') })

  const base = await baseImage(docker)
  const built = await runCommand(['image', 'build', '--base', base], env)
  expect(built.code, built.stderr).toBe(0)
  expect(JSON.parse((await runCommand(['image', 'check', '--json'], env)).stdout)).toMatchObject({ state: 'current' })

  const demo = await runCommand(['demo', '--provider', 'docker'], env)
  expect(demo.code, demo.stderr).toBe(0)
  expect(demo.stdout).toMatch(/^sandbox docker \(Docker \d/m)
  for (const phase of PHASES) expect(demo.stdout).toMatch(new RegExp(`${phase} completed, score `))
  expect(await docker.client.listContainers({ all: true })).toEqual([])

  // A toolchain of somebody's own, without any worker in it.
  const own = await runCommand(['demo', '--provider', 'docker'], { ...env, SPECFLEET_IMAGE: base })
  expect(own.code, own.stderr).toBe(0)
  expect(await docker.client.listContainers({ all: true })).toEqual([])
})
