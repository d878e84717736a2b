import type { Epoch, RunId, SpecId } from '@specfleet/shared/boot'

/** The incarnation that everything this process says is said for. */
export type Scope = { readonly specId: SpecId; readonly runId: RunId; readonly epoch: Epoch }
