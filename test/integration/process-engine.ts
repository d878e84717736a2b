/** An engine of processes in a temporary folder, and what of it is left on the host. */
import type { StdioOptions } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../packages/orchestrator/src/clock.ts'
import { type Log, openLog } from '../../packages/orchestrator/src/log.ts'
import { openProvider, type RegistryOptions } from '../../packages/orchestrator/src/providers/registry.ts'
import type { SandboxId } from '../../packages/shared/src/index.ts'
import { bubblewrapPath } from '../../packages/testkit/src/bubblewrap.ts'
import type { DistantProvider, ProviderUnderTest } from '../../packages/testkit/src/provider-conformance.ts'
import { FLEET } from '../../packages/testkit/src/provider-conformance.ts'
import { PUPPET_BUNDLE } from '../../packages/testkit/src/puppet-bus.ts'
import { openElsewhere } from './distant-provider.ts'

export type ProcessChoice = 'process' | 'process-unsafe'
export type ProcessEngine = Omit<ProviderUnderTest, 'openElsewhere'> & {
  openElsewhere(stdio?: StdioOptions): Promise<DistantProvider>
  readonly home: string
  readonly root: string
  readonly options: RegistryOptions
}

const log: Log = openLog({ level: 'error', now: () => new Date(), write: (line) => process.stderr.write(`${line}\n`) })

export async function startProcessEngine(
  choice: ProcessChoice,
  busAddress: string,
  parent = tmpdir(),
  workerBundle = PUPPET_BUNDLE,
): Promise<ProcessEngine> {
  const home = await mkdtemp(join(parent, 'specfleet-process-'))
  const root = join(home, choice)
  const options = {
    home,
    fleet: FLEET,
    busAddresses: [busAddress],
    workerBundle,
    bwrapPath: await bubblewrapPath(),
    docker: { host: 'unix:///nowhere/docker.sock' },
    clock: systemClock,
    log,
  }
  return {
    home,
    root,
    options,
    open: () => openProvider(choice, options),
    openElsewhere: (stdio) => openElsewhere(choice, options, stdio),
    remains: async (id) => remainsOf(root, id),
    [Symbol.asyncDispose]: async () => {
      await destroyAll(root, () => openProvider(choice, options))
      await rm(home, { recursive: true, force: true })
    },
  }
}

/** For tests that failed before they could. */
async function destroyAll(root: string, open: ProviderUnderTest['open']): Promise<void> {
  const sandboxes = join(root, 'sandboxes')
  if (!existsSync(sandboxes) || readdirSync(sandboxes).length === 0) return
  await using provider = await open()
  for (const { id } of await provider.list()) await provider.destroy(id)
}

/** Folders, control groups and processes that name the sandbox, and folders that are half gone. */
export function remainsOf(root: string, id: SandboxId): string[] {
  const folders = readdirSync(join(root, 'sandboxes')).filter((name) => name === id || name.startsWith('.'))
  const groups = ['memory', 'pids', 'cpu', '.']
    .map((controller) => join('/sys/fs/cgroup', controller))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
    .filter((path) => path.includes(`specfleet-${id}-`))
  return [...folders, ...groups, ...processesNaming(id)]
}

function processesNaming(id: SandboxId): string[] {
  const read = (path: string) => {
    try {
      return readFileSync(path, 'utf8')
    } catch {
      return ''
    }
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .map((pid) => ({ pid, text: `${read(`/proc/${pid}/cmdline`)}\0${read(`/proc/${pid}/environ`)}` }))
    .filter(({ text }) => text.includes(`/${id}/`) || text.includes(`=${id}-`))
    .map(({ pid, text }) => `${pid}: ${text.slice(0, 100).replaceAll('\0', ' ')}`)
}
