/** What an engine has forgotten that was killed in the middle of starting a container. */
import { execFile } from 'node:child_process'
import { chmod, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { allProcesses, descendants } from '../../packages/orchestrator/src/providers/engine-folder/processes.ts'
import { openProvider } from '../../packages/orchestrator/src/providers/registry.ts'
import { findDocker, skipWithoutDocker, startDocker, type TestDocker } from '../../packages/testkit/src/docker.ts'
import { processesOf, untilGone } from '../../packages/testkit/src/leaks.ts'
import { requestFor } from '../../packages/testkit/src/provider-conformance.ts'
import { type PuppetBus, startPuppetBus } from '../../packages/testkit/src/puppet-bus.ts'
import { type DockerSandboxes, openDockerSandboxes } from './docker-sandboxes.ts'

const never = new AbortController().signal

/** A runtime that makes a container, says so, and comes back to whoever asked for it only when it is let go. */
type Stalling = AsyncDisposable & {
  readonly path: string
  /** From now on. */
  stall(): Promise<void>
  /** Settles when it has made one. */
  stalled(): Promise<unknown>
  letGo(): Promise<void>
}

async function openStalling(): Promise<Stalling> {
  const folder = await mkdtemp(join(tmpdir(), 'specfleet-stalling-'))
  const [path, made, go] = [join(folder, 'runtime'), join(folder, 'made'), join(folder, 'go')]
  await writeFile(
    path,
    `#!/bin/sh
runc "$@"
code=$?
case " $* " in *" create "*) if [ -p ${made} ]; then echo > ${made}; read line < ${go}; fi ;; esac
exit $code
`,
  )
  await chmod(path, 0o755)
  return {
    path,
    stall: async () => void (await promisify(execFile)('mkfifo', [made, go])),
    stalled: () => readFile(made),
    letGo: async () => {
      // For reading, too, so that opening waits for nobody.
      const handle = await open(go, 'r+')
      await handle.write('\n')
      await handle.close()
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}

describe.each(['before', 'after'])(
  'an engine killed while it starts a container, that is made %s it is back',
  (made) => {
    const parts = new AsyncDisposableStack()
    let runtime: Stalling
    let docker: TestDocker
    let bus: PuppetBus
    let sandboxes: DockerSandboxes

    beforeAll(async () => {
      if ((await findDocker()).kind === 'none') return
      runtime = parts.use(await openStalling())
      const runtimes = { stalling: { path: runtime.path, runtimeArgs: [] } }
      docker = parts.use(await startDocker({ liveRestore: true, runtimes }))
      bus = parts.use(await startPuppetBus())
      sandboxes = parts.use(await openDockerSandboxes(docker, bus.address))
    }, 180_000)
    afterAll(() => parts.disposeAsync())
    beforeEach(skipWithoutDocker)

    it('leaves no process of it, and all of every other', async () => {
      const { options } = sandboxes
      await using provider = await openProvider('docker', {
        ...options,
        docker: { ...options.docker, runtime: 'stalling' },
      })
      const [other, request] = [requestFor(), requestFor()]
      await provider.create(other, never)
      const puppet = await bus.puppet(other.id)
      const before = shimsOf(docker)

      await runtime.stall()
      const created = provider.create(request, never)
      await runtime.stalled()
      await docker.kill9()
      expect(await created).toMatchObject({ kind: 'failed', code: 'provider.engine-gone', retryable: true })
      if (made === 'before') await runtime.letGo()
      const left = shimsOf(docker).filter((pid) => !before.includes(pid))
      const all = await allProcesses()
      const forgotten = left.flatMap((pid) => [pid, ...descendants(all, pid).map((child) => child.pid)])
      expect(left).toHaveLength(1)
      expect(forgotten.length).toBeGreaterThan(1)

      await docker.restart()
      await Promise.all(forgotten.map(untilGone))
      expect(shimsOf(docker)).toEqual(before)
      expect(await puppet.run('return 6 * 7')).toBe(42)
      expect(await sandboxes.remains(request.id)).toEqual([])
      await provider.destroy(other.id)
    })
  },
)

/** Process ids of what watches over containers for this engine, whose address is among their arguments. */
const shimsOf = ({ root }: TestDocker): number[] =>
  processesOf(root).flatMap(({ pid, command }) =>
    /^\S*containerd-shim/.test(command) && command.includes(root) ? [pid] : [],
  )
