/** What the operator lets tasks have: by kind, by project, and at a task's own wish. Pure. */
import { describeIssues, ProjectId, SandboxLimits, SpecfleetError, type Task, TaskKind } from '@specfleet/shared'
import * as z from 'zod'
import type { Limits } from '../providers/provider.ts'
import { type Offer, suits, type Wish } from './room.ts'

const Image = z.string().min(1).max(512)

const Rule = z.strictObject({
  /** Name of a provider of this host, or `auto`. */
  provider: z.string().min(1).max(64).exactOptional(),
  image: Image.exactOptional(),
  limits: SandboxLimits.default({}),
})
type Rule = z.output<typeof Rule>

const Policy = z.strictObject({
  v: z.literal(1).default(1),
  /** Most that a task may ask for; where it says nothing, what its kind and project have. */
  ceiling: SandboxLimits.default({}),
  /** Images that any task may ask for. */
  images: z.array(Image).max(1000).default([]),
  kinds: z.partialRecord(TaskKind, Rule).default({}),
  // Project ids are anybody's choice: an object would find some that nobody wrote.
  projects: z
    .record(ProjectId, Rule)
    .default({})
    .transform((projects) => new Map(Object.entries(projects))),
})
export type Policy = z.output<typeof Policy>

/** Nothing but the fleet's defaults. */
export const NO_POLICY: Policy = Policy.parse({})

/** @throws SpecfleetError `config.invalid`, naming every bad field */
export function parsePolicy(text: string): Policy {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new SpecfleetError('config.invalid', 'it is no JSON', { cause })
  }
  const parsed = Policy.safeParse(value)
  if (!parsed.success) throw new SpecfleetError('config.invalid', describeIssues(parsed.error))
  return parsed.data
}

/** As much of a task as decides where it may run. */
export type Asked = Pick<Task, 'kind' | 'projectId' | 'provider' | 'image'>

/** The more particular first: a project outranks a kind. */
const rulesFor = (policy: Policy, { kind, projectId }: Pick<Task, 'kind' | 'projectId'>): Rule[] =>
  [policy.projects.get(projectId), policy.kinds[kind]].filter((rule) => rule !== undefined)

/** The image that the run's sandbox is made of; `undefined` for the engine's own. */
export const imageOf = (policy: Policy, asked: Asked): string | undefined =>
  asked.image ?? rulesFor(policy, asked).find(({ image }) => image !== undefined)?.image

const imagesFor = (policy: Policy, asked: Asked): string[] => [
  ...policy.images,
  ...rulesFor(policy, asked).flatMap(({ image }) => image ?? []),
]

/** Whether it may have the image that it asks for, if any: what was allowed when it came need not be any more. */
export const mayHaveImage = (policy: Policy, asked: Asked): boolean =>
  asked.image === undefined || imagesFor(policy, asked).includes(asked.image)

/** Whatever a task says outranks its project, and a project the kind. */
export function wishOf(policy: Policy, asked: Asked): Wish {
  const provider = asked.provider ?? rulesFor(policy, asked).find((rule) => rule.provider !== undefined)?.provider
  return { provider: provider === 'auto' ? undefined : provider, image: imageOf(policy, asked) !== undefined }
}

const asLimits = ({ minutes, ...rest }: SandboxLimits): Partial<Limits> =>
  minutes === undefined ? rest : { ...rest, wallClockMinutes: minutes }

/** What the operator gives to tasks of this kind and project. */
const givenTo = (policy: Policy, fleet: Limits, { kind, projectId }: Pick<Task, 'kind' | 'projectId'>): Limits => ({
  ...fleet,
  ...asLimits(policy.kinds[kind]?.limits ?? {}),
  ...asLimits(policy.projects.get(projectId)?.limits ?? {}),
})

const ceilingFor = (policy: Policy, fleet: Limits, asked: Pick<Task, 'kind' | 'projectId'>): Limits => ({
  ...givenTo(policy, fleet, asked),
  ...asLimits(policy.ceiling),
})

const NAMES = ['memoryMb', 'diskMb', 'cpus', 'pids', 'wallClockMinutes', 'outputMb'] as const

/** The limits of one sandbox. What a task was once allowed and is not any more is cut down to what it is. */
export function limitsFor(policy: Policy, fleet: Limits, task: Pick<Task, 'kind' | 'projectId' | 'limits'>): Limits {
  const given = givenTo(policy, fleet, task)
  const ceiling = ceilingFor(policy, fleet, task)
  const asked = asLimits(task.limits)
  const cut = NAMES.flatMap((name) => {
    const wanted = asked[name]
    return wanted === undefined ? [] : [[name, Math.min(wanted, ceiling[name])] as const]
  })
  return { ...given, ...Object.fromEntries(cut) }
}

/** The longest that any sandbox may last. */
export function longestMinutes(policy: Policy, fleet: Limits): number {
  const rules = [...policy.projects.values(), ...Object.values(policy.kinds)]
  const minutes = [policy.ceiling, ...rules.map((rule) => rule.limits)].map((limits) => limits.minutes ?? 0)
  return Math.max(fleet.wallClockMinutes, ...minutes)
}

/** What the fleet offers, and on which terms. */
export type Terms = {
  readonly policy: Policy
  /** The fleet's defaults. */
  readonly limits: Limits
  readonly offers: readonly Offer[]
}

/** @throws SpecfleetError `provider.unknown`, `task.not-allowed`: what the task asks for and cannot have */
export function requireAllowed({ policy, limits, offers }: Terms, task: Task): void {
  const wish = wishOf(policy, task)
  const names = offers.map(({ provider }) => provider)
  if (wish.provider !== undefined && !names.includes(wish.provider))
    throw new SpecfleetError(
      'provider.unknown',
      `the task asks for "${wish.provider}", and this fleet has ${quoted(names)}`,
      {
        next: `ask for one of ${names.join(', ')}, or for none`,
      },
    )
  requireImage(policy, task)
  if (wish.image && !offers.some((offer) => suits(offer, wish)))
    throw notAllowed(
      `it is to run on image "${imageOf(policy, task)}", and ${wish.provider === undefined ? 'no engine here takes one' : `${wish.provider} takes none`}`,
      'ask for a provider that makes containers, or for no image',
    )
  const ceiling = ceilingFor(policy, limits, task)
  const asked = asLimits(task.limits)
  for (const name of NAMES) {
    const wanted = asked[name]
    if (wanted !== undefined && wanted > ceiling[name])
      throw notAllowed(`it asks for ${wanted} ${spoken(name)}, and may have ${ceiling[name]}`)
  }
}

function requireImage(policy: Policy, task: Task): void {
  if (task.image === undefined) return
  if (mayHaveImage(policy, task)) return
  const allowed = imagesFor(policy, task)
  throw notAllowed(
    `it asks for image "${task.image}"`,
    allowed.length === 0
      ? 'name no image, or have it listed in SPECFLEET_POLICY'
      : `ask for one of ${allowed.join(', ')}`,
  )
}

/**
 * What a policy names must be there.
 * @throws SpecfleetError `config.invalid`
 */
export function requireServed({ policy, offers }: Terms): void {
  const names = offers.map(({ provider }) => provider)
  const rules = [
    ...[...policy.projects].map(([name, rule]) => [`projects.${name}`, rule] as const),
    ...Object.entries(policy.kinds).map(([name, rule]) => [`kinds.${name}`, rule] as const),
  ]
  for (const [where, { provider, image }] of rules) {
    if (provider !== undefined && provider !== 'auto' && !names.includes(provider))
      throw invalid(`${where} names provider "${provider}", and this host has ${quoted(names)}`)
    const wish = { provider: provider === 'auto' ? undefined : provider, image: image !== undefined }
    if (!offers.some((offer) => suits(offer, wish)))
      throw invalid(`${where} names image "${image}", and no provider it may have here takes one`)
  }
}

const invalid = (detail: string): SpecfleetError =>
  new SpecfleetError('config.invalid', `SPECFLEET_POLICY: ${detail}`, {
    next: 'mend the policy, or add the provider to SPECFLEET_PROVIDER',
  })

const notAllowed = (detail: string, next?: string): SpecfleetError =>
  new SpecfleetError('task.not-allowed', detail, next === undefined ? {} : { next })

const spoken = (name: keyof Limits): string => (name === 'wallClockMinutes' ? 'minutes' : name)
const quoted = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(', ')
