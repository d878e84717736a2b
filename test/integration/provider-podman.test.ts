import { test } from 'vitest'
import { findPodman, startPodman } from '../../packages/testkit/src/docker-podman.ts'
import { describeConformance } from '../../packages/testkit/src/provider-conformance.ts'
import { openDockerSandboxes } from './docker-sandboxes.ts'

const search = await findPodman()

if (search.kind === 'none') test('provider docker on Podman', ({ skip }) => skip(search.reason))
else
  describeConformance({
    name: 'docker on Podman',
    isolated: true,
    // It holds the limit of memory, and does not tell that a process fell to it.
    holds: { memory: false, pids: true, disk: true },
    countsRefusals: false,
    async start(busAddress) {
      await using parts = new AsyncDisposableStack()
      const podman = parts.use(await startPodman())
      const sandboxes = parts.use(await openDockerSandboxes(podman, busAddress))
      const rest = parts.move()
      return { ...sandboxes, [Symbol.asyncDispose]: () => rest.disposeAsync() }
    },
  })
