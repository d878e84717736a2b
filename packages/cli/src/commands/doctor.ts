import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { toSpecfleetError } from '@specfleet/shared'
import { findBubblewrap, findNatsServer } from '../embedded/nats.ts'
import { withFleet } from '../fleet/connect.ts'
import type { CommandContext, Outcome } from './context.ts'
import { askForImage, BUILD, isUsable, SAYS } from './image.ts'

const run = promisify(execFile)

type Check = { name: string; ok: boolean; says: string; next?: string }

/** `specfleet doctor`: what this machine has and lacks, each with the next step. */
export async function doctor(flags: { json?: boolean }, context: CommandContext): Promise<Outcome> {
  const checks: Check[] = []
  for (const check of [checkNode, checkGit, checkNats, checkSandbox, checkContainers, checkFleet])
    checks.push(await check(context))
  const { terminal } = context
  if (flags.json === true) terminal.printJson(checks)
  else
    for (const { name, ok, says, next } of checks) {
      terminal.print(`${ok ? terminal.style.green('✓') : terminal.style.red('✗')} ${name.padEnd(12)} ${says}`)
      if (next !== undefined) terminal.print(`  ${''.padEnd(12)} ${terminal.style.dim(`→ ${next}`)}`)
    }
  return checks.every((check) => check.ok) ? 0 : 1
}

async function checkNode(): Promise<Check> {
  const [major = 0] = process.versions.node.split('.').map(Number)
  const check = { name: 'node', ok: major >= 24, says: process.version }
  return check.ok ? check : { ...check, next: 'start through `npm run specfleet`, which brings Node 24' }
}

async function checkGit({ signal }: CommandContext): Promise<Check> {
  try {
    const { stdout } = await run('git', ['--version'], { signal })
    return { name: 'git', ok: true, says: stdout.trim() }
  } catch {
    return { name: 'git', ok: false, says: 'not found', next: 'install git: sources are fetched with it' }
  }
}

async function checkNats({ env, signal, terminal }: CommandContext): Promise<Check> {
  try {
    const found = await findNatsServer({ cacheDir: env.cacheDir, path: env.path, report: terminal.note, signal })
    return { name: 'nats-server', ok: true, says: `${found.version} (${found.from}: ${found.path})` }
  } catch (thrown) {
    const { message, next } = toSpecfleetError(thrown)
    // An external server needs no binary here.
    return { name: 'nats-server', ok: env.natsUrl !== undefined, says: message, next }
  }
}

async function checkSandbox({ env, signal, terminal }: CommandContext): Promise<Check> {
  const { cacheDir, path } = env
  const { platform } = process
  const result = await findBubblewrap({ cacheDir, path, platform, report: terminal.note, signal })
  if (result.found === null)
    return {
      name: 'bubblewrap',
      ok: false,
      says: result.reason,
      next: 'install bubblewrap, or choose the provider process-unsafe by name',
    }
  const { found } = result
  try {
    await run(found.path, ['--unshare-all', '--ro-bind', '/', '/', '--proc', '/proc', '--dev', '/dev', 'true'], {
      signal,
    })
  } catch {
    return {
      name: 'bubblewrap',
      ok: false,
      says: `${found.version} (${found.from}) is there, but the kernel refuses it a namespace`,
      next: 'allow unprivileged user namespaces (kernel.unprivileged_userns_clone=1, or an AppArmor profile for bwrap)',
    }
  }
  return { name: 'bubblewrap', ok: true, says: `${found.version} (${found.from}: ${found.path})` }
}

/** Containers are a better sandbox than processes, and no fault where they are missing. */
async function checkContainers(context: CommandContext): Promise<Check> {
  const name = 'docker'
  try {
    const found = await askForImage('check', undefined, context)
    const check = { name, ok: true, says: `${found.name} ${SAYS[found.state]}` }
    return isUsable(found) ? check : { ...check, next: BUILD }
  } catch (thrown) {
    const { message, next } = toSpecfleetError(thrown)
    return { name, ok: true, says: `not used: ${message}`, next }
  }
}

async function checkFleet({ env }: CommandContext): Promise<Check> {
  try {
    const { orchestrators } = await withFleet(env, (client) => client.list('orchestrators'))
    const alive = orchestrators ?? []
    const slots = alive.reduce((sum, one) => sum + one.slots, 0)
    const sick = alive.flatMap((one) => one.sick)
    if (sick.length > 0)
      return {
        name: 'fleet',
        ok: false,
        says: sick.map(({ engine, reason }) => `${engine} is sick: ${reason}`).join('; '),
        next: 'mend it: what waits for it goes on by itself then',
      }
    return {
      name: 'fleet',
      ok: true,
      says: `${alive.length} ${alive.length === 1 ? 'orchestrator' : 'orchestrators'} alive, ${slots} slots`,
    }
  } catch (thrown) {
    const error = toSpecfleetError(thrown)
    // No fleet is no fault of the machine.
    return { name: 'fleet', ok: error.code === 'bus.unreachable', says: error.message, next: error.next }
  }
}
