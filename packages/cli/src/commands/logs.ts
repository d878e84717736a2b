import type { Fact, Trace } from '@specfleet/shared'
import { withFleet } from '../fleet/connect.ts'
import { followSpec } from '../fleet/follow.ts'
import { describeFact } from '../render/progress.ts'
import type { Style } from '../render/style.ts'
import type { CommandContext, Outcome } from './context.ts'

/** `specfleet logs ID [--follow]`: what the worker said and did, facts included, oldest first. */
export async function logs(
  id: string,
  flags: { follow?: boolean; json?: boolean },
  { env, terminal, signal }: CommandContext,
): Promise<Outcome> {
  await withFleet(env, async (client) => {
    const { specId } = await client.specOf(id)
    const wanted = (runId: string) => id === specId || runId === id || runId === '-'
    const past: (Fact | Trace)[] = []
    let caughtUp = false
    const print = (event: Fact | Trace) => {
      if (flags.json === true) terminal.printJsonLine(event)
      else for (const line of logLines(event, terminal.style)) terminal.print(line)
    }
    const take = (event: Fact | Trace) => {
      if (!wanted(event.runId)) return
      if (caughtUp) print(event)
      else past.push(event)
    }
    const over = new AbortController()
    const onCaughtUp = () => {
      for (const event of past.sort((a, b) => a.at.localeCompare(b.at))) print(event)
      caughtUp = true
      if (flags.follow !== true) over.abort()
    }
    await followSpec(
      client,
      specId,
      { onFact: take, onTrace: take, onCaughtUp },
      AbortSignal.any([signal, over.signal]),
    )
  })
  return 0
}

function logLines(event: Fact | Trace, style: Style): string[] {
  const head = `${style.dim(event.at.slice(11, 23))} ${style.dim(`e${event.epoch}`)}`
  const text = describeEvent(event, style)
  return text === undefined
    ? []
    : text.split('\n').map((line, at) => (at === 0 ? `${head} ${line}` : `${' '.repeat(16)}${line}`))
}

function describeEvent(event: Fact | Trace, style: Style): string | undefined {
  switch (event.type) {
    case 'agent.message':
      return event.data.text.trim() === '' ? undefined : event.data.text.trim()
    case 'agent.thinking':
      return style.dim(event.data.text.trim())
    case 'tool.called':
      return `${style.cyan(event.data.tool)} ${event.data.summary}`
    case 'tool.returned':
      return style.dim(
        `${event.data.tool} ${event.data.ok ? 'ok' : 'failed'}, ${event.data.bytes} bytes, ${Math.round(event.data.ms)} ms`,
      )
    case 'model.called':
      return style.dim(
        `model ${event.data.model} (${event.data.upstream}) turn ${event.data.turn}: ${event.data.inputTokens} in, ${event.data.outputTokens} out, ${Math.round(event.data.ms)} ms`,
      )
    case 'model.retried':
      return style.yellow(`model call retried (${event.data.attempt}): ${event.data.reason}`)
    case 'log.line':
      return event.data.level === 'error' ? style.red(event.data.text) : event.data.text
    default: {
      const line = describeFact(event)
      return line === undefined ? undefined : style.bold(line)
    }
  }
}
