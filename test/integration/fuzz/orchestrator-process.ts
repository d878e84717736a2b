/** An orchestrator as a process of its own, whose sandboxes are scripts, and which says how much memory it holds. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../../packages/orchestrator/src/clock.ts'
import { startOrchestrator } from '../../../packages/orchestrator/src/compose.ts'
import { openLog } from '../../../packages/orchestrator/src/log.ts'
import { ScriptedEngine } from '../../../packages/testkit/src/scripted-engine.ts'
import { deliver, workUntilTold } from '../../../packages/testkit/src/scripted-worker.ts'
import { configOf, type FleetNats, silentUpstream } from '../orchestrator-fleet.ts'
import type { Question, Said } from './protocol.ts'

const say = (word: Said) => process.send?.(word)
const home = mkdtempSync(join(tmpdir(), 'specfleet-fuzz-'))
process.on('exit', () => rmSync(home, { recursive: true, force: true }))

let refusedFacts = 0
const note = (line: string) => {
  const event = JSON.parse(line)
  if (event.event === 'facts.refused') refusedFacts += event.count
  if (event.level === 'error') say({ kind: 'error', line })
}

async function start(nats: FleetNats) {
  const scriptOf = ({ labels }: { labels: { runId: string } }) =>
    labels.runId.startsWith('live-') ? workUntilTold : deliver
  const engine = new ScriptedEngine({ busUrl: nats.url, scriptOf })
  const config = { ...configOf(nats, home), slots: 16, floodFactsPerSecond: 1_000_000, heartbeatLimitMs: 60_000 }
  const orchestrator = await startOrchestrator(config, {
    clock: systemClock,
    log: openLog({ level: 'warn', now: () => new Date(), write: note }),
    random: Math.random,
    upstream: silentUpstream,
    openProviders: async () => [engine.provider()],
  })
  void orchestrator.failed.then((error) => say({ kind: 'error', line: error.message }))
  return { engine, orchestrator }
}

let running: Awaited<ReturnType<typeof start>> | undefined

process.on('message', async (question: Question) => {
  switch (question.kind) {
    case 'start':
      running = await start(question.nats)
      say({ kind: 'started' })
      break
    case 'credentials': {
      const found = running?.engine.requests.find(({ labels }) => labels.runId === question.runId)
      say({ kind: 'credentials', creds: Buffer.from(found?.env.BUS_CREDS_B64 ?? '', 'base64').toString() })
      break
    }
    case 'measure': {
      // Twice, since what the first collection finalises only the second can free.
      globalThis.gc?.()
      globalThis.gc?.()
      const { heapUsed, external, rss } = process.memoryUsage()
      say({ kind: 'measured', heapBytes: heapUsed + external, rssBytes: rss, refusedFacts })
      break
    }
    case 'stop':
      await running?.orchestrator[Symbol.asyncDispose]()
      await running?.engine[Symbol.asyncDispose]()
      process.disconnect()
  }
})
