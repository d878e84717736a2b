import type { Style } from './style.ts'

const HIDDEN = new Set(['at', 'level', 'event', 'orchestrator'])

/** One JSON log line of an orchestrator for people: time, event, then its fields. */
export function formatLogLine(line: string, style: Style): string {
  const entry = parse(line)
  if (entry === undefined) return line
  const at = typeof entry.at === 'string' ? entry.at.slice(11, 23) : ''
  const fields = Object.entries(entry)
    .filter(([name, value]) => !HIDDEN.has(name) && value !== undefined && value !== null)
    .map(([name, value]) => `${style.dim(`${name}=`)}${typeof value === 'string' ? value : JSON.stringify(value)}`)
  const paint = entry.level === 'error' ? style.red : entry.level === 'warn' ? style.yellow : style.bold
  return [style.dim(at), paint(String(entry.event ?? '')), ...fields].join(' ')
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? { ...value } : undefined
  } catch {
    return undefined
  }
}
