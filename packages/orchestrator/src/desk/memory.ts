import type { MemoryAnswer, PlacedRun, Records } from '@specfleet/shared'
import { describeIssues, MemoryRequest, SpecfleetError } from '@specfleet/shared'
import * as z from 'zod'

const MOST_NOTES = 100
const MOST_CHARACTERS = 256 * 1024

/** The notes of a project, in KV bucket `sf_memory` under the project's id. */
export const Memory = z.object({ v: z.literal(1), notes: z.record(z.string(), z.string()) })
export type Memory = z.infer<typeof Memory>

/** Reads and writes notes of the run's own project; they outlive the run. */
export async function answerMemory(
  records: Records<Memory>,
  run: PlacedRun,
  meta: unknown,
): Promise<z.infer<typeof MemoryAnswer>> {
  const request = MemoryRequest.safeParse(meta)
  if (!request.success) throw new SpecfleetError('request.malformed', describeIssues(request.error))
  const { projectId } = run.task
  switch (request.data.op) {
    case 'list':
      return { keys: Object.keys((await records.get(projectId))?.value.notes ?? {}) }
    case 'get': {
      const notes = new Map(Object.entries((await records.get(projectId))?.value.notes ?? {}))
      return { text: notes.get(request.data.key) ?? null }
    }
    case 'put':
      await write(records, projectId, request.data.key, request.data.text)
      return {}
  }
}

/** Runs of one project may write at the same time: whoever comes second writes on top of the first. */
async function write(records: Records<Memory>, projectId: string, key: string, text: string): Promise<void> {
  for (;;) {
    const held = await records.get(projectId)
    const memory: Memory = { v: 1, notes: { ...held?.value.notes, [key]: text } }
    requireRoom(memory)
    const written = held === undefined ? await records.create(projectId, memory) : await records.replace(held, memory)
    if (written !== 'exists' && written !== 'conflict') return
  }
}

function requireRoom({ notes }: Memory): void {
  const characters = Object.values(notes).reduce((sum, text) => sum + text.length, 0)
  if (Object.keys(notes).length > MOST_NOTES || characters > MOST_CHARACTERS)
    throw new SpecfleetError(
      'blob.too-large',
      `a project keeps ${MOST_NOTES} notes of ${MOST_CHARACTERS} characters together`,
    )
}
