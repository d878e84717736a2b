import { mkdtempSync, rmSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bundleWorker } from '../../../sandbox-worker/bundle.ts'
import { CLOCK_SHIFT } from './clock-shift.ts'

const made = new Map<'plain' | 'shifting', Promise<string>>()

/**
 * The worker as one file, made once a process: each orchestrator would otherwise make its own. A `shifting` one has
 * a wall clock that a signal moves.
 */
export function workerBundle(clock: 'plain' | 'shifting'): Promise<string> {
  const known = made.get(clock) ?? make(clock)
  made.set(clock, known)
  return known
}

async function make(clock: 'plain' | 'shifting'): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'specfleet-chaos-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'worker.mjs')
  await bundleWorker(path)
  if (clock === 'shifting')
    await writeFile(path, behindFirstLine(await readFile(path, 'utf8'), await readFile(CLOCK_SHIFT, 'utf8')))
  return path
}

/** The first line names the interpreter. */
function behindFirstLine(text: string, inserted: string): string {
  const end = text.startsWith('#!') ? text.indexOf('\n') + 1 : 0
  return `${text.slice(0, end)}${inserted}${text.slice(end)}`
}
