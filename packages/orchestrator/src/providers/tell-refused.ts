import { SandboxId } from '@specfleet/shared'
import type { SandboxEvent } from './provider.ts'
import type { Refused } from './wire/control-line.ts'

/** Passes on what the forwarder tells of a sandbox to those who watch its engine. */
export const tellRefused =
  (listeners: ReadonlySet<(event: SandboxEvent) => void>) =>
  ({ name, by, count, lastReason }: Refused): void => {
    const id = SandboxId.safeParse(name)
    if (id.success) for (const listener of listeners) listener({ kind: 'refused', id: id.data, by, count, lastReason })
  }
