import { test } from 'vitest'
import { findDocker, startDocker } from '../../packages/testkit/src/docker.ts'
import { describeConformance } from '../../packages/testkit/src/provider-conformance.ts'
import { openDockerSandboxes } from './docker-sandboxes.ts'

const search = await findDocker()

if (search.kind === 'none') test('provider docker', ({ skip }) => skip(search.reason))
else
  for (const alwaysWarm of [false, true])
    describeConformance({
      name: alwaysWarm ? 'docker, with workers that waited' : 'docker',
      isolated: true,
      holds: { memory: true, pids: true, disk: true },
      // The engine takes the counter away with the container.
      countsRefusals: false,
      async start(busAddress) {
        await using parts = new AsyncDisposableStack()
        const docker = parts.use(await startDocker())
        const sandboxes = parts.use(await openDockerSandboxes(docker, busAddress, { alwaysWarm }))
        const rest = parts.move()
        return { ...sandboxes, [Symbol.asyncDispose]: () => rest.disposeAsync() }
      },
    })
