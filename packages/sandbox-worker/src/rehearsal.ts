/**
 * What a waiting worker does while nobody needs it: it arrives at a bus of its own, again and again, so that all the
 * code of an arrival is compiled when there is a real one. Nothing of it leaves the process.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeySync, SpecfleetError, seedOf, writeCreds } from '@specfleet/shared/boot'
import { arrive, sayReady } from './arrival.ts'
import { readBirth } from './boot.ts'
import { CutWatch } from './link/cut.ts'
import { openRehearsalBus } from './rehearsal-bus.ts'

export async function rehearse(rounds: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'rehearsal-'))
  try {
    const path = join(folder, 'bus.sock')
    await using _bus = await openRehearsalBus(path)
    for (let round = 0; round < rounds; round++) await arriveOnce(path)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function arriveOnce(path: string): Promise<void> {
  const birth = readBirth(JSON.stringify(partOf(path)), { SPECFLEET_ENV_FILE: '/proc/self/fd/0' })
  if (birth.assignment instanceof SpecfleetError) throw birth.assignment
  using cut = new CutWatch(birth.cutLimitMs)
  const arrived = await arrive(birth, cut)
  await using _bus = arrived.bus
  await using link = arrived.link
  await sayReady(link, birth.assignment, birth)
  // From here on the bus may close.
  cut[Symbol.dispose]()
}

/** Of a key that opens nothing. */
const makeCreds = (): string => writeCreds('rehearsal', seedOf('user', generateKeySync('user')))

const partOf = (path: string): Record<string, string> => ({
  SPEC_ID: 'rehearsal',
  SPEC_PHASE: 'explore',
  EXECUTION_MODE: 'exploration',
  PROJECT_ID: 'rehearsal',
  TASK_ID: 'rehearsal',
  RUN_ID: 'rehearsal',
  RUN_EPOCH: '1',
  SANDBOX_ID: 'rehearsal',
  BUS_URL: `unix:${path}`,
  BUS_CREDS_B64: Buffer.from(makeCreds()).toString('base64'),
  MODEL: 'none',
  WORKSPACE: '/',
  PHASE_CONTEXT_B64: Buffer.from('{}').toString('base64'),
})
