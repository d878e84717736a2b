import { Epoch, RunId, SandboxId, SpecId } from '@specfleet/shared'
import * as z from 'zod'
import { WrittenLimits } from '../limits.ts'

/** How a sandbox is held to its limits, and where the evidence is when it was not enough. */
export const Confinement = z.discriminatedUnion('kind', [
  /** Folders of control groups, which stay until they are removed. */
  z.object({ kind: z.literal('cgroup'), folders: z.array(z.string()) }),
  /** A transient scope of the user's systemd, which goes with its last process. */
  z.object({ kind: z.literal('scope'), unit: z.string() }),
  z.object({ kind: z.literal('none') }),
])
export type Confinement = z.infer<typeof Confinement>

/** `sandbox.json`: what must be known about a sandbox by whoever finds its folder. */
export const SandboxRecord = z.object({
  v: z.literal(1),
  id: SandboxId,
  /** Of this one making: never the same twice, so that what clears up after it cannot hit the next of that id. */
  mark: z.string(),
  labels: z.object({ fleet: z.string(), specId: SpecId, runId: RunId, epoch: Epoch, expiresAt: z.string() }),
  limits: WrittenLimits,
  isolated: z.boolean(),
  confinement: Confinement,
  createdAt: z.string(),
})
export type SandboxRecord = z.infer<typeof SandboxRecord>
