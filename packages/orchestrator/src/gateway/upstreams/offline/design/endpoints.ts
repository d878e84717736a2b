import { parseEars, type Requirement, type RequirementsOutput } from '@specfleet/shared'
import { capitalised, clip } from '../text/words.ts'
import { ENDPOINT, type PlannedComponent } from './components.ts'

export type PlannedEndpoint = {
  method: string
  path: string
  description: string
  auth_required?: boolean
  request_schema?: string
  error_responses: Record<string, string>
}

const SPEAKS_OF_CALLS = /\b(?:api|endpoint|http|rest|route|url|request|respond|response|webhook|command)/i
const MOST_CALLS = 20

/** The routes that the spec names; where it speaks of calls and names none, the public calls of its components. */
export function endpointsOf(
  specText: string,
  requirements: RequirementsOutput,
  components: readonly PlannedComponent[],
): PlannedEndpoint[] {
  const routes = new Map(
    [...specText.matchAll(ENDPOINT)].map(([, method = '', path = '']) => [
      `${method} ${cleaned(path)}`,
      { method, path: cleaned(path) },
    ]),
  )
  if (routes.size > 0) return [...routes.values()].map((route) => endpointOf(route, requirements.requirements))
  const calling = new Set(
    requirements.requirements.filter(({ text }) => SPEAKS_OF_CALLS.test(text)).map(({ id }) => id),
  )
  return components
    .filter((component) => component.requirements.some((id) => calling.has(id)))
    .flatMap(({ name, interfaces }) =>
      interfaces.map(({ method, outputs }) => ({
        method: 'CALL',
        path: `${name}.${method}`,
        description: outputs,
        error_responses: {},
      })),
    )
    .slice(0, MOST_CALLS)
}

const cleaned = (path: string): string => path.replace(/[.:?!*_]+$/, '').replace(/(?<=.)\/$/, '')

function endpointOf(
  { method, path }: { method: string; path: string },
  requirements: readonly Requirement[],
): PlannedEndpoint {
  const about = requirements.filter(({ text }) =>
    [...text.matchAll(ENDPOINT)].some(([, verb, route = '']) => verb === method && cleaned(route) === path),
  )
  const guarded = requirements.some(
    (requirement) =>
      requirement.type === 'security' &&
      /\b(?:tokens?|authenticat\w*|api keys?|log(?:ged)? in|sign(?:ed)? in|authori[sz]ed)\b/i.test(requirement.text) &&
      (about.includes(requirement) ||
        /\b(?:every|all|any) (?:api )?(?:request|endpoint|call|route)s?\b/i.test(requirement.text)),
  )
  const literals = [
    ...new Set(about.flatMap(({ text }) => [...text.matchAll(/`([A-Za-z_]\w*)`/g)].flatMap(([, name]) => name ?? []))),
  ]
  return {
    method,
    path,
    description: capitalised(clip(about.map(responseOf).join('; ') || `${method} ${path} as the spec names it`, 240)),
    ...(guarded ? { auth_required: true } : {}),
    ...(literals.length > 0 && /^(?:POST|PUT|PATCH)$/.test(method) ? { request_schema: literals.join(', ') } : {}),
    error_responses: errorsOf(about),
  }
}

function errorsOf(requirements: readonly Requirement[]): Record<string, string> {
  const found = requirements.flatMap((requirement) => {
    const parsed = parseEars(requirement.text)
    const when = parsed.ok ? parsed.requirement.clauses.map(({ text }) => text).join(', ') : ''
    return [...requirement.text.matchAll(/(?:^|[\s`(])([45]\d\d)\b/g)].map(([, status = '']) => [
      status,
      clip(when || requirement.title, 120),
    ])
  })
  return Object.fromEntries(found)
}

function responseOf({ text }: Requirement): string {
  const parsed = parseEars(text)
  return parsed.ok ? parsed.requirement.response : text
}
