import { readFile } from 'node:fs/promises'
import { basename, extname, resolve } from 'node:path'
import { ID_PATTERN, MAX_TASK_TEXT, SpecfleetError } from '@specfleet/shared'

export type SubmitFlags = {
  spec?: string
  prompt?: string
  source?: string
  ref?: string
  id?: string
  task?: string
  project?: string
  title?: string
  priority?: string
  model?: string
  phase?: string
  provider?: string
  image?: string
  limits?: string
  approval?: string
  skill?: boolean
  usd?: string
  turns?: string
  minutes?: string
}

/**
 * The task that a user's flags ask for; the fleet validates it.
 * @throws SpecfleetError `spec.binary`, `task.too-large`, `usage`
 */
export async function taskFromFlags(flags: SubmitFlags, user: string): Promise<Record<string, unknown>> {
  const text = flags.spec === undefined ? flags.prompt : await readSpec(flags.spec)
  if (text === undefined) throw new SpecfleetError('usage', 'give --spec FILE or --prompt TEXT')
  const planning = flags.spec !== undefined
  return withoutUndefined({
    v: 1,
    kind: planning ? 'spec' : 'prompt',
    taskId: flags.task,
    specId: flags.id ?? (flags.spec === undefined ? undefined : specIdFrom(flags.spec)),
    projectId: flags.project,
    title: flags.title ?? titleOf(text),
    text,
    source: flags.source === undefined ? undefined : withoutUndefined({ git: locate(flags.source), ref: flags.ref }),
    phase: flags.phase,
    priority: flags.priority,
    model: flags.model,
    provider: flags.provider,
    image: flags.image,
    limits: flags.limits === undefined ? undefined : limitsFrom(flags.limits),
    approval: flags.approval === undefined || flags.approval === 'auto' ? undefined : flags.approval.split(','),
    executionConfig: flags.skill === true ? { requireSpecSkill: true, executionMode: 'exploration' } : undefined,
    budget: withoutUndefined({ usd: number(flags.usd), turns: number(flags.turns), minutes: number(flags.minutes) }),
    submittedBy: user,
  })
}

const number = (text: string | undefined): number | undefined => (text === undefined ? undefined : Number(text))

/** `memoryMb=512,cpus=0.5`; which names there are, and how much of each, the fleet says. */
function limitsFrom(list: string): Record<string, number> {
  const pairs = list.split(',').map((pair) => pair.split('='))
  const limits = pairs.map(([name = '', amount = '', ...more]) => {
    const given = amount.trim() === '' ? Number.NaN : Number(amount)
    if (name.trim() === '' || more.length > 0 || Number.isNaN(given))
      throw new SpecfleetError('usage', `--limits takes a list such as memoryMb=512,cpus=0.5, not ${list}`)
    return [name.trim(), given] as const
  })
  return Object.fromEntries(limits)
}

const withoutUndefined = (record: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined))

/** A local path becomes absolute, because whoever fetches it stands elsewhere. */
const locate = (source: string): string =>
  /^[a-z][a-z0-9+.-]*:\/\/|^[^/]+@[^/]+:/i.test(source) ? source : resolve(source)

/** Reads a spec file as text. */
export async function readSpec(file: string): Promise<string> {
  let bytes: Buffer
  try {
    bytes = await readFile(file)
  } catch (cause) {
    throw new SpecfleetError('usage', `the spec ${file} cannot be read`, { cause })
  }
  if (bytes.length > MAX_TASK_TEXT * 4) throw new SpecfleetError('task.too-large', `${file} has ${bytes.length} bytes`)
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new SpecfleetError('spec.binary', file, { cause })
  }
  if (text.includes('\0')) throw new SpecfleetError('spec.binary', file)
  return text
}

/** The first heading, else the first line. */
export function titleOf(text: string): string {
  const lines = text.split('\n').map((line) => line.trim())
  const heading = lines.find((line) => /^#+\s+\S/.test(line)) ?? lines.find((line) => line !== '') ?? 'untitled'
  return heading.replace(/^#+\s+/, '').slice(0, 200)
}

/** `docs/User auth.md` → `user-auth`; undefined where nothing usable is left. */
export function specIdFrom(file: string): string | undefined {
  const id = basename(file, extname(file))
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 64)
  return ID_PATTERN.test(id) ? id : undefined
}
