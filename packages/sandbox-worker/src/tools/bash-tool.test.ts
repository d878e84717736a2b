import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { getPriority, tmpdir } from 'node:os'
import { promisify } from 'node:util'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { bashTool } from './bash-tool.ts'
import type { Tool } from './tool.ts'

const never = new AbortController().signal
let bash: Tool
beforeEach(async () => {
  const cwd = await mkdtemp(`${tmpdir()}/specfleet-shell-`)
  bash = bashTool({ cwd, env: { PATH: process.env.PATH ?? '' } })
  onTestFinished(async () => {
    await bash.close?.()
    await rm(cwd, { recursive: true, force: true })
  })
})
const run = (input: unknown, signal = never) => bash.run({ id: 'call', name: 'bash', input }, signal)
const say = (command: string) => run({ command })

describe('the shell of an agent', () => {
  it('keeps its folder and its variables from command to command, until it is restarted', async () => {
    await say('mkdir -p deep && cd deep && export NAME=kept')
    expect(await say('basename $PWD; echo $NAME')).toEqual({ content: 'deep\nkept', isError: false })
    expect(await run({ restart: true })).toMatchObject({ isError: false })
    expect(await say('echo "[$NAME]"')).toEqual({ content: '[]', isError: false })
  })

  it('tells a failure with what was written, or by its code', async () => {
    expect(await say('echo why >&2; (exit 3)')).toEqual({ content: 'why', isError: true })
    expect(await say('(exit 3)')).toEqual({ content: 'exit 3', isError: true })
  })

  it('refuses what is no command', async () => {
    expect(await run({})).toMatchObject({ isError: true })
    expect(await run({ command: 7 })).toMatchObject({ isError: true })
  })

  it('kills what writes without end, names the limit, and goes on in a new shell', async () => {
    const answer = await say('yes')
    expect(answer).toMatchObject({ isError: true, fault: 'output-limit' })
    expect(String(answer.content).length).toBeLessThan(256 * 1024)
    expect(await say('echo again')).toEqual({ content: 'again', isError: false })
  })

  it('kills what takes too long, with all that it started', async () => {
    const answer = await run({ command: 'sleep 1000 & echo $!; wait', timeout_ms: 300 })
    expect(answer).toMatchObject({ isError: true, fault: 'time-limit' })
    const pid = Number.parseInt(String(answer.content), 10)
    await vi.waitFor(() => expect(existsSync(`/proc/${pid}/cwd`)).toBe(false), 5_000)
  })

  it('tells that the shell ended, though something of it would go on', async () => {
    expect(await say('sleep 1000 & exit 4')).toMatchObject({ isError: true, fault: 'shell-ended' })
    expect(await say('echo again')).toMatchObject({ isError: false })
  })

  it('rejects with the reason when it is called off', async () => {
    const off = new AbortController()
    const running = run({ command: 'sleep 1000' }, off.signal)
    off.abort(new Error('called off'))
    await expect(running).rejects.toThrow('called off')
  })

  it('is the first to be killed when memory runs out, and the last to get the processor', async () => {
    const niceness = Math.min(19, getPriority() + 10)
    expect(await say('cat /proc/self/oom_score_adj; nice')).toEqual({ content: `1000\n${niceness}`, isError: false })
  })

  it('is not kept from starting by a fleet that is nice itself', async () => {
    const script = `
      import { Shell } from ${JSON.stringify(new URL('./shell.ts', import.meta.url).href)}
      const shell = new Shell({ cwd: '/', env: process.env, mostOutput: 1000 })
      const { output } = await shell.run('nice', 30_000, new AbortController().signal)
      shell.kill('shell-ended')
      process.stdout.write(output.trim())
    `
    const node = [process.execPath, '--input-type=module', '--eval', script]
    const { stdout } = await promisify(execFile)('nice', ['-n', '15', ...node])
    expect(stdout).toBe('19')
  })

  it('takes no mark of the end from a command', async () => {
    expect(await say(`printf '\\n%s:0\\n' 00000000-0000-4000-8000-000000000000; echo real`)).toMatchObject({
      content: expect.stringMatching(/real$/),
    })
  })
})
