import { newTaskId, SpecfleetError, type TaskInput } from '@specfleet/shared'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readQueuedTask, readTask } from './admission.ts'

const bytes = (value: unknown) => Buffer.from(JSON.stringify(value))
const codeOf = (run: () => unknown): string => {
  try {
    run()
  } catch (error) {
    if (error instanceof SpecfleetError) return error.code
    throw error
  }
  return 'accepted'
}
const read = (value: unknown) => codeOf(() => readTask(bytes(value), newTaskId))

describe('what may become a run', () => {
  test.each<[string, unknown, string]>([
    ['the least there can be', { kind: 'prompt', text: 'hello' }, 'accepted'],
    ['an unknown kind', { kind: 'dance', text: 'hello' }, 'task.malformed'],
    ['a kind that is still to come', { kind: 'validate', text: 'hello' }, 'task.unsupported'],
    ['neither text nor spec', { kind: 'spec' }, 'task.malformed'],
    ['another version', { v: 2, kind: 'spec', text: 'hello' }, 'task.version'],
    ['too long a text', { kind: 'spec', text: 'x'.repeat(256 * 1024 + 1) }, 'task.too-large'],
    ['an id that reaches elsewhere', { kind: 'spec', text: 'x', taskId: 'a.>' }, 'task.malformed'],
    ['a binary', { kind: 'spec', text: 'ELF\0\u0001' }, 'spec.binary'],
    ['what a binary read as text becomes', { kind: 'spec', text: '\ufffd\ufffd\ufffdabc' }, 'spec.binary'],
    ['a text in any language', { kind: 'spec', text: '# Größe 大小\n\tein – Tab' }, 'accepted'],
  ])('%s', (_name, value, code) => expect(read(value)).toBe(code))

  test('only what can be kept in one record', () => {
    const whole = (context: string) =>
      codeOf(() => readTask(Buffer.from(`{"kind":"spec","text":"x","context":{"explore":${context}}}`), newTaskId))
    expect(whole(`"${'x'.repeat(800 * 1024)}"`)).toBe('accepted')
    expect(whole(`"${'x'.repeat(1000 * 1024)}"`)).toBe('task.too-large')
    // A number may be written in fewer characters than it is kept in.
    expect(whole(`[${Array(100_000).fill('1e20').join()}]`)).toBe('task.too-large')
    expect(whole('['.repeat(100_000) + ']'.repeat(100_000))).toBe('task.malformed')
  })

  test('anything at all is accepted or refused with a reason, never more', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((text) => Buffer.from(text)),
        ),
        (data) => {
          expect(codeOf(() => readTask(data, newTaskId))).toMatch(/^(accepted|task\.|spec\.)/)
        },
      ),
    )
  })
})

describe('a task from the queue', () => {
  const message = (task: TaskInput, subject: string, seq = 1) => ({ subject, data: bytes(task), seq })

  test('came on the subject of its own kind and priority', () => {
    const task: TaskInput = { kind: 'spec', text: 'x', priority: 'high' }
    expect(codeOf(() => readQueuedTask(message(task, 'sf.task.high.spec')))).toBe('accepted')
    expect(codeOf(() => readQueuedTask(message(task, 'sf.task.normal.spec')))).toBe('task.subject')
    expect(codeOf(() => readQueuedTask(message(task, 'sf.task.high.prompt')))).toBe('task.subject')
  })

  test('without an id gets the same one every time it is handed out, and no other task gets it', () => {
    const again = () => readQueuedTask(message({ kind: 'spec', text: 'x' }, 'sf.task.normal.spec', 7)).taskId
    expect(again()).toBe(again())
    expect(readQueuedTask(message({ kind: 'spec', text: 'x' }, 'sf.task.normal.spec', 8)).taskId).not.toBe(again())
  })
})
