/** What orchestrators that died left half made on an engine, and how an orchestrator that starts gets rid of it. */
import { execFile } from 'node:child_process'
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type Docker from 'dockerode'
import { beforeEach, expect, it } from 'vitest'
import * as z from 'zod'
import { openLog } from '../../packages/orchestrator/src/log.ts'
import { sandboxFolder } from '../../packages/orchestrator/src/providers/docker/layout.ts'
import { hold } from '../../packages/orchestrator/src/providers/engine-folder/alive.ts'
import { openProvider } from '../../packages/orchestrator/src/providers/registry.ts'
import { SandboxId } from '../../packages/shared/src/index.ts'
import { skipWithoutDocker, startDocker } from '../../packages/testkit/src/docker.ts'
import { FLEET, requestFor } from '../../packages/testkit/src/provider-conformance.ts'
import { startPuppetBus } from '../../packages/testkit/src/puppet-bus.ts'
import { type DockerSandboxes, openDockerSandboxes } from './docker-sandboxes.ts'

const run = promisify(execFile)
const LIMIT_MS = 120_000
const never = new AbortController().signal
const LEFT = 24
/** No process ever has that id. */
const DEAD_MAKER = '.making-4194305-1-00000000-0000-4000-8000-000000000000'

const Swept = z.object({ event: z.string(), containers: z.number(), folders: z.number(), failed: z.number() })

beforeEach(skipWithoutDocker)

it('is swept behind the starts of sandboxes, each of which finds its id free, and spares what is being made', {
  timeout: LIMIT_MS,
}, async () => {
  await using docker = await startDocker()
  await using bus = await startPuppetBus()
  await using sandboxes = await openDockerSandboxes(docker, bus.address)
  const lives = requestFor()
  const held = SandboxId.parse('somebody-is-at-work')
  using atWork = new DisposableStack()
  {
    await using before = await sandboxes.open()
    await before.create(lives, never)
  }
  // With nobody there who would sweep meanwhile.
  await leaveHalfMade(docker.client, sandboxes, lives.id)
  await leaveContainer(docker.client, sandboxes, { sample: lives.id, id: held })
  const { folder, making } = sandboxFolder(join(sandboxes.root, 'sandboxes'), held)
  await mkdir(folder)
  await run('mkfifo', [making])
  atWork.use(hold(making))
  const swept = Promise.withResolvers<z.infer<typeof Swept>>()
  const log = openLog({
    level: 'info',
    now: () => new Date(),
    write(line) {
      const said = Swept.safeParse(JSON.parse(line))
      if (said.data?.event === 'sandboxes.swept') swept.resolve(said.data)
    },
  })
  await using provider = await openProvider('docker', { ...sandboxes.options, log })
  const fresh = requestFor()
  const again = { ...requestFor({ id: leftId(LEFT - 1) }), labels: lives.labels }
  const created = await Promise.all([provider.create(fresh, never), provider.create(again, never)])
  expect(created).toEqual([{ kind: 'running' }, { kind: 'running' }])

  const { containers, folders, failed } = await swept.promise
  expect(failed).toBe(0)
  // One of them was removed by whoever started a sandbox in its place, if the sweep did not come first.
  expect([LEFT - 1, LEFT]).toContain(containers)
  expect([LEFT / 2 + 1, LEFT / 2 + 2]).toContain(folders)
  const alive = [lives.id, fresh.id, again.id, held].sort()
  expect((await provider.list()).map(({ id }) => id).sort()).toEqual(alive)
  expect((await readdir(join(sandboxes.root, 'sandboxes'))).sort()).toEqual(alive)
  expect((await bus.puppet(again.id)).hello.env.SANDBOX_ID).toBe(again.id)
  for (const id of alive) await provider.destroy(SandboxId.parse(id))
})

const leftId = (n: number): SandboxId => SandboxId.parse(`left-${n}`)

/** As makers leave it that die before the start: containers, half of them with a folder; one folder of each other kind. */
async function leaveHalfMade(client: Docker, sandboxes: DockerSandboxes, sample: SandboxId): Promise<void> {
  const folders = join(sandboxes.root, 'sandboxes')
  for (let n = 0; n < LEFT; n += 1) {
    await leaveContainer(client, sandboxes, { sample, id: leftId(n) })
    if (n % 2 === 1) await mkdir(join(folders, leftId(n)))
  }
  for (const name of ['without-a-container', DEAD_MAKER]) await mkdir(join(folders, name))
}

/** With the labels that the provider itself writes, as the sample has them. */
async function leaveContainer(
  client: Docker,
  { options }: DockerSandboxes,
  { sample, id }: { sample: SandboxId; id: SandboxId },
): Promise<void> {
  const { Config } = await client.getContainer(`specfleet-${FLEET}-${sample}`).inspect()
  const Labels = { ...Config.Labels, 'specfleet.sandbox': id }
  const { image: Image = '' } = options.docker
  await client.createContainer({ name: `specfleet-${FLEET}-${id}`, Image, Cmd: ['true'], Labels })
}
