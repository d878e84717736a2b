/** What a container is told, and what it tells: ids and labels, between us and the engine. Pure. */
import { Epoch, RunId, SandboxId, SpecId } from '@specfleet/shared'
import * as z from 'zod'
import { WrittenLimits } from '../limits.ts'
import type { Labels, Limits } from '../provider.ts'

/** Labels of everything of ours on an engine. */
export const LABEL = {
  fleet: 'specfleet.fleet',
  /** Which engine's folder holds the container's wire: another orchestrator's on the same engine is not ours. */
  folder: 'specfleet.folder',
  sandbox: 'specfleet.sandbox',
  spec: 'specfleet.spec',
  run: 'specfleet.run',
  epoch: 'specfleet.epoch',
  expires: 'specfleet.expires',
  limits: 'specfleet.limits',
  /** Of a container whose worker was booted before there was a run for it. */
  waiting: 'specfleet.waiting',
} as const

/** By its name alone a container is found again, and made no second time. */
export const containerName = (fleet: string, id: SandboxId | ''): string => `specfleet-${fleet}-${id}`

const JsonLimits = z
  .string()
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text)
    } catch {
      context.addIssue({ code: 'custom', message: 'is no JSON' })
      return z.NEVER
    }
  })
  .pipe(WrittenLimits)

const Written = z
  .object({
    [LABEL.fleet]: z.string(),
    [LABEL.sandbox]: SandboxId,
    [LABEL.spec]: SpecId,
    [LABEL.run]: RunId,
    [LABEL.epoch]: z.coerce.number().pipe(Epoch),
    [LABEL.expires]: z.string(),
    [LABEL.limits]: JsonLimits,
  })
  .transform(
    (labels): Identity => ({
      id: labels[LABEL.sandbox],
      limits: labels[LABEL.limits],
      labels: {
        fleet: labels[LABEL.fleet],
        specId: labels[LABEL.spec],
        runId: labels[LABEL.run],
        epoch: labels[LABEL.epoch],
        expiresAt: labels[LABEL.expires],
      },
    }),
  )

export type Identity = { readonly id: SandboxId; readonly labels: Labels; readonly limits: Limits }

export const writeIdentity = ({ id, labels, limits }: Identity, folder: string): Record<string, string> => ({
  [LABEL.fleet]: labels.fleet,
  [LABEL.folder]: folder,
  [LABEL.sandbox]: id,
  [LABEL.spec]: labels.specId,
  [LABEL.run]: labels.runId,
  [LABEL.epoch]: String(labels.epoch),
  [LABEL.expires]: labels.expiresAt,
  [LABEL.limits]: JSON.stringify(limits),
})

/** `undefined` for a container that is none of ours. */
export const readIdentity = (labels: Readonly<Record<string, string>>): Identity | undefined =>
  Written.safeParse(labels).data
