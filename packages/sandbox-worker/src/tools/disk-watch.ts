import { statfs } from 'node:fs/promises'
import { SpecfleetError } from '@specfleet/shared'
import type { Tool, ToolAnswer } from './tool.ts'

/** With less than that nothing can be done any more. */
const FULL_BYTES = 64 * 1024
/** Calls in a row that a model gets to make room. */
export const CALLS_TO_MAKE_ROOM = 3

/** Whether the file system of a path has no room for another small file, or no name for one. */
export async function isFull(path: string): Promise<boolean> {
  const { bavail, bsize, files, ffree } = await statfs(path)
  return bavail * bsize < FULL_BYTES || (files > 0 && ffree === 0)
}

/**
 * Tells a model that its workspace is full, as long as there is hope that it makes room; then the run ends by
 * that name, rather than by whatever breaks next.
 */
export class DiskWatch {
  readonly #path: string
  readonly #look: (path: string) => Promise<boolean>
  #fullCalls = 0

  constructor(path: string, look = isFull) {
    this.#path = path
    this.#look = look
  }

  /** @throws SpecfleetError `sandbox.disk-full` */
  over(tool: Tool): Tool {
    return { ...tool, run: async (call, signal) => this.#judge(await tool.run(call, signal)) }
  }

  async #judge(answer: ToolAnswer): Promise<ToolAnswer> {
    if (!(await this.#look(this.#path))) {
      this.#fullCalls = 0
      return answer
    }
    this.#fullCalls++
    if (this.#fullCalls > CALLS_TO_MAKE_ROOM) throw new SpecfleetError('sandbox.disk-full', this.#path)
    const note = `[disk-full] no space is left in ${this.#path}: delete what is not needed before anything else`
    const { content } = answer
    return {
      ...answer,
      content: typeof content === 'string' ? `${content}\n${note}` : [...content, { type: 'text', text: note }],
      isError: true,
      fault: 'disk-full',
    }
  }
}
