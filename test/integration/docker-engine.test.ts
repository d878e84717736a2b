import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, type TestContext, test } from 'vitest'
import { identityOf } from '../../packages/cli/src/embedded/process-identity.ts'
import { baseImage, skipWithoutDocker, startDocker, type TestDocker } from '../../packages/testkit/src/docker.ts'

/** An image is imported in each test, which is most of it on a busy machine. */
const LIMIT_MS = 180_000

/** Runs the test where there is Docker, and skips it with the reason where there is none. */
const dockerTest = (name: string, body: () => Promise<void>): void =>
  test(name, { timeout: LIMIT_MS }, async (context: TestContext) => {
    await skipWithoutDocker(context)
    await body()
  })

const HOST_CONFIG = { NetworkMode: 'none', Init: true }

async function startIdle({ client }: TestDocker, Image: string) {
  const container = await client.createContainer({ Image, Cmd: ['sleep', 'infinity'], HostConfig: HOST_CONFIG })
  await container.start()
  return container
}

/** What a script prints in a container of that image, all of it. */
async function printed({ client }: TestDocker, Image: string, script: string): Promise<string> {
  const Cmd = ['sh', '-c', script]
  const container = await client.createContainer({ Image, Cmd, Tty: true, HostConfig: HOST_CONFIG })
  const ended = container.wait({ condition: 'next-exit' })
  await container.start()
  await ended
  return (await container.logs({ stdout: true, stderr: true })).toString().replaceAll('\r\n', '\n')
}

/** Living processes and mounts of this host that tell of the engine in that folder. */
async function tracesOf(root: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && identityOf(Number(name)) !== undefined)
  const files = [...pids.flatMap((pid) => [`/proc/${pid}/cmdline`, `/proc/${pid}/cgroup`]), '/proc/self/mountinfo']
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')))
  return files.filter((_, index) => texts[index]?.includes(basename(root)))
}

dockerTest('containers of the base image have a shell, git and ripgrep, and no Node', async () => {
  await using docker = await startDocker()
  const script = 'id -un; git --version; rg --version; awk "BEGIN { print 6 * 7 }"; command -v node || echo none'
  const output = await printed(docker, await baseImage(docker), script)
  expect(output).toMatch(/^root\ngit version .*\nripgrep [\s\S]*\n42\nnone\n$/)
})

dockerTest(
  'an engine that was killed comes back with its images, and with its containers when it is told to',
  async () => {
    await using docker = await startDocker({ liveRestore: true })
    const image = await baseImage(docker)
    const container = await startIdle(docker, image)
    const { Pid } = (await container.inspect()).State
    const killed = docker.pid
    await docker.kill9()
    await expect(docker.client.ping()).rejects.toThrow()
    expect(existsSync(`/proc/${Pid}`)).toBe(true)
    await docker.restart()
    expect(docker.pid).not.toBe(killed)
    expect((await container.inspect()).State).toMatchObject({ Running: true, Pid })
    expect(await baseImage(docker)).toBe(image)
    expect(await docker.client.listImages()).toHaveLength(1)
    await docker.freeze()
    const answer = docker.client.ping()
    docker.thaw()
    expect(String(await answer)).toBe('OK')
  },
)

dockerTest('two engines at once do not know of each other, and leave nothing, in whatever state they are', async () => {
  const [one, other] = await Promise.all([startDocker(), startDocker()])
  await using whole = one
  await using killed = other
  const [image] = await Promise.all([baseImage(whole), baseImage(killed)])
  const [, paused] = await Promise.all([startIdle(whole, image), startIdle(whole, image), startIdle(killed, image)])
  await paused.pause()
  expect(await whole.client.listContainers()).toHaveLength(2)
  expect(await killed.client.listContainers()).toHaveLength(1)
  await killed.kill9()
  for (const docker of [whole, killed]) {
    expect(await tracesOf(docker.root)).not.toEqual([])
    await docker.stop()
    expect(await tracesOf(docker.root)).toEqual([])
    expect(existsSync(docker.root)).toBe(false)
  }
})

dockerTest('an engine whose process was killed is removed when the next one starts', async () => {
  const kit = new URL('../../packages/testkit/src/docker.ts', import.meta.url)
  const script = `const { startDocker } = await import('${kit}'); console.log((await startDocker()).root)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [root] = await once(createInterface(child.stdout), 'line')
  child.kill('SIGKILL')
  await once(child, 'exit')
  expect(await tracesOf(String(root))).not.toEqual([])
  await using _next = await startDocker()
  expect(await tracesOf(String(root))).toEqual([])
})
