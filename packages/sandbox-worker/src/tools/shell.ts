/**
 * A shell that lives as long as its conversation: folder, variables and background jobs stay from one command
 * to the next.
 *
 * 1. It stands back behind the worker: when memory runs out the kernel takes what it started first, and as
 *    long as the worker wants the processor it has it.
 * 2. Its output is bounded. Whoever writes more is killed, with all of the shell's process group.
 * 3. The end of a command is told by a mark that the command cannot know.
 * 4. After a fault the shell is gone; the next command begins in a new one.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { getPriority, setPriority } from 'node:os'
import type { ToolFault } from './tool.ts'

export type ShellOptions = {
  readonly cwd: string
  /** The whole environment of commands. */
  readonly env: Readonly<Record<string, string>>
  /** Bytes that may be written from one command to the next, before the shell is killed. */
  readonly mostOutput: number
}

export type CommandEnd = {
  /** `undefined` when the shell did not live to tell it. */
  readonly code: number | undefined
  /** The last of what was written. */
  readonly output: string
  readonly fault: ToolFault | undefined
}

/** Characters of the output that are kept. */
const KEPT = 128 * 1024
/** Below the worker by this much, and still more than nothing. */
const NICER = 10
const NICEST = 19
/** First to be killed when memory runs out. Not fatal where the kernel has no such file. */
const FIRST_VICTIM = 'echo 1000 2> /dev/null > /proc/$$/oom_score_adj\n'
const KILLED = 137

type Waiting = { readonly done: RegExp; readonly settle: (end: CommandEnd) => void }

export class Shell {
  readonly #mostOutput: number
  readonly #child: ChildProcessWithoutNullStreams
  #output = ''
  #written = 0
  #gone: ToolFault | undefined
  #waiting: Waiting | undefined

  constructor({ cwd, env, mostOutput }: ShellOptions) {
    this.#mostOutput = mostOutput
    const child = spawn('/bin/bash', ['--noprofile', '--norc'], { cwd, env: { ...env, TERM: 'dumb' }, detached: true })
    this.#child = child
    child.on('error', (error) =>
      this.#end('code' in error && error.code === 'EAGAIN' ? 'process-limit' : 'shell-ended'),
    )
    // What it leaves behind would keep the output open.
    child.on('exit', () => this.#killGroup())
    child.on('close', () => this.#end('shell-ended'))
    // A shell that takes no more commands is gone, which `close` tells as well.
    child.stdin.on('error', () => this.#killGroup())
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => this.#take(text))
    if (child.pid === undefined) return
    // Nobody may be less nice than it was.
    setPriority(child.pid, Math.min(getPriority() + NICER, NICEST))
    child.stdin.write(FIRST_VICTIM)
  }

  get isGone(): boolean {
    return this.#gone !== undefined
  }

  /** One command at a time. @throws the signal's reason; the shell is killed then */
  async run(command: string, timeoutMs: number, signal: AbortSignal): Promise<CommandEnd> {
    const killsBefore = await oomKills()
    signal.throwIfAborted()
    const end = await this.#runToEnd(command, timeoutMs, signal)
    signal.throwIfAborted()
    const killed = end.code === KILLED || end.fault === 'shell-ended'
    return killed && (await oomKills()) > killsBefore ? { ...end, fault: 'out-of-memory' } : end
  }

  /** Ends the shell and everything in its process group. */
  kill(fault: ToolFault): void {
    const { stdin, stdout, stderr } = this.#child
    this.#killGroup()
    for (const stream of [stdin, stdout, stderr]) stream.destroy()
    this.#child.unref()
    this.#end(fault)
  }

  #runToEnd(command: string, timeoutMs: number, signal: AbortSignal): Promise<CommandEnd> {
    if (this.#gone !== undefined) return Promise.resolve({ code: undefined, output: '', fault: this.#gone })
    this.#output = ''
    this.#written = 0
    return new Promise((resolve) => {
      const late = setTimeout(() => this.kill('time-limit'), timeoutMs)
      const calledOff = () => this.kill('shell-ended')
      signal.addEventListener('abort', calledOff, { once: true })
      // Drawn now: what Node keeps in stock would be in the snapshot that all workers start from.
      const mark = randomUUID({ disableEntropyCache: true })
      const settle = (end: CommandEnd) => {
        clearTimeout(late)
        signal.removeEventListener('abort', calledOff)
        this.#waiting = undefined
        resolve(end)
      }
      this.#waiting = { done: new RegExp(`\\n${mark}:(\\d+)\\n`), settle }
      // The quotes keep the mark itself out of what the shell is told, and so out of what it may repeat.
      const told = `${mark.slice(0, 8)}''${mark.slice(8)}`
      this.#child.stdin.write(`{ ${command}\n} < /dev/null 2>&1; printf '\\n${told}:%d\\n' $?\n`)
    })
  }

  #take(text: string): void {
    if (this.#gone !== undefined) return
    this.#written += Buffer.byteLength(text)
    this.#output = (this.#output + text).slice(-KEPT)
    const done = this.#waiting?.done.exec(this.#output) ?? undefined
    if (done !== undefined) {
      const output = this.#output.slice(0, done.index).trimEnd()
      this.#waiting?.settle({ code: Number(done[1]), output, fault: undefined })
    }
    // What it left running in the background may write too much as well.
    if (this.#written > this.#mostOutput) this.kill('output-limit')
  }

  #killGroup(): void {
    const { pid } = this.#child
    if (pid === undefined) return
    try {
      process.kill(-pid, 'SIGKILL')
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
    }
  }

  #end(fault: ToolFault): void {
    this.#gone ??= fault
    this.#waiting?.settle({ code: undefined, output: this.#output.trimEnd(), fault: this.#gone })
  }
}

/**
 * Processes that the kernel has killed for want of memory, on the whole host: nothing nearer can be seen from
 * inside. Together with a command's own death it says enough to tell a model. 0 where it cannot be read.
 */
async function oomKills(): Promise<number> {
  const text = await readFile('/proc/vmstat', 'utf8').catch(() => '')
  return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0)
}
