import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { SpecfleetError } from '@specfleet/shared'
import { type Hold, hold } from '../engine-folder/alive.ts'
import { makingName, renameIfFree } from '../engine-folder/making.ts'
import { makeFolder } from '../engine-folder/place.ts'
import { MARK } from '../engine-folder/processes.ts'
import { INSIDE } from '../inside.ts'
import { outputBytes, wallClockSeconds, withDisk, workerFlags } from '../limits.ts'
import type { SandboxRequest } from '../provider.ts'
import { onlyThese } from '../stray-descriptors.ts'
import { workerCommand } from '../worker-command.ts'
import { cgroupFolders, makeCgroups } from './cgroups.ts'
import { destroySandbox } from './destroy-sandbox.ts'
import type { Engine } from './engine.ts'
import { PROGRAM_PATH, sessionEnvironment } from './host-abilities.ts'
import { giveTo, stageOf } from './isolation.ts'
import { isolatedCommand, shimCommand } from './launch.ts'
import { folderLayout, type SandboxLayout, sandboxLayout } from './layout.ts'
import type { Confinement, SandboxRecord } from './record.ts'
import { dyingWithParent, shimArguments } from './shim.ts'

/**
 * Makes a sandbox in one atomic step that others can see: its folder, prepared under another name, is renamed.
 * From before that moment somebody holds its `alive` FIFO, first this process, then the shim.
 * `taken`: somebody has a sandbox, or what is left of one, under this id.
 * @throws SpecfleetError, Error of the system, or the signal's reason; nothing is left then
 */
export async function createSandbox(
  engine: Engine,
  request: SandboxRequest,
  signal: AbortSignal,
): Promise<'made' | 'taken'> {
  const sandbox = sandboxLayout(engine.layout.sandboxes, request.id)
  const making = folderLayout(join(engine.layout.sandboxes, await makingName()))
  const record = recordOf(engine, request)
  let held: Hold | undefined
  try {
    await prepare(engine, request, record, making, sandbox)
    held = hold(making.alive)
    signal.throwIfAborted()
    if (!(await renameIfFree(making.folder, sandbox.folder))) return 'taken'
    await finish(engine, request, record, sandbox, held, signal)
    return 'made'
  } finally {
    held?.[Symbol.dispose]()
    await rm(making.folder, { recursive: true, force: true })
  }
}

/** What has its name and fails all the same is removed again. */
async function finish(
  engine: Engine,
  request: SandboxRequest,
  record: SandboxRecord,
  sandbox: SandboxLayout,
  held: Hold,
  signal: AbortSignal,
): Promise<void> {
  try {
    await Promise.all([confine(engine, record), engine.wire.open(record.id)])
    signal.throwIfAborted()
    await startShim(engine, request, record, sandbox, held)
  } catch (error) {
    held[Symbol.dispose]()
    await destroySandbox(engine, record.id)
    throw error
  }
}

function recordOf(engine: Engine, { id, labels, limits }: SandboxRequest): SandboxRecord {
  const mark = `${id}-${randomUUID().slice(0, 8)}`
  return {
    v: 1,
    id,
    mark,
    labels,
    limits,
    isolated: engine.isolation !== undefined,
    confinement: planConfinement(engine, `specfleet-${mark}`),
    createdAt: engine.clock.now().toISOString(),
  }
}

function planConfinement({ confiner }: Engine, name: string): Confinement {
  switch (confiner.kind) {
    case 'cgroup':
      return { kind: 'cgroup', folders: cgroupFolders(confiner.hierarchies, name) }
    case 'scope':
      return { kind: 'scope', unit: name }
    case 'none':
      return { kind: 'none' }
  }
}

async function prepare(
  engine: Engine,
  request: SandboxRequest,
  record: SandboxRecord,
  making: SandboxLayout,
  sandbox: SandboxLayout,
): Promise<void> {
  const isolated = engine.isolation !== undefined
  const env = {
    ...request.env,
    BUS_URL: isolated ? INSIDE.busUrl : `unix:${sandbox.socket}`,
    WORKSPACE: isolated ? INSIDE.workspace : sandbox.workspace,
  }
  await makeFolder(making.folder)
  const folders = [making.birth, making.wire, ...(isolated ? [] : [making.workspace, making.home])]
  await Promise.all([
    engine.fifos.place(making.alive, making.out),
    writeFile(making.record, JSON.stringify(record), { mode: 0o600 }),
    ...folders.map((folder) => makeFolder(folder, 0o700)),
  ])
  await writeFile(making.envFile, JSON.stringify(env), { mode: 0o600 })
  if (engine.isolation !== undefined) await giveTo(engine.isolation.identity, sandbox, making.wire)
}

async function confine({ confiner }: Engine, { confinement, limits, isolated }: SandboxRecord): Promise<void> {
  if (confiner.kind !== 'cgroup' || confinement.kind !== 'cgroup') return
  const [folder] = confinement.folders
  if (folder !== undefined) await makeCgroups(confiner.hierarchies, basename(folder), withDisk(limits, isolated))
}

/** Settles when the shim runs; from then on it, and no longer this process, holds the sandbox. */
function startShim(
  engine: Engine,
  request: SandboxRequest,
  { confinement, limits, isolated, mark }: SandboxRecord,
  sandbox: SandboxLayout,
  held: Hold,
): Promise<void> {
  const { isolation, confiner, layout } = engine
  const stage = isolation === undefined ? undefined : stageOf(layout, isolation.identity)
  const scope =
    confinement.kind === 'scope' ? { unit: confinement.unit, limits: withDisk(limits, isolated) } : undefined
  const [program = '', ...rest] = shimCommand(engine.shim, stage, scope)
  const plan = shimArguments({
    wallClockSeconds: wallClockSeconds(limits),
    gracious: isolation === undefined,
    outputBytes: outputBytes(limits),
    cgroups: confinement.kind === 'cgroup' ? confinement.folders.map((folder) => join(folder, 'cgroup.procs')) : [],
    stage,
    filter: isolation?.system.filter,
    scoped: scope !== undefined,
    workingFolder: isolation === undefined ? sandbox.workspace : '/',
    command: commandOf(engine, request, sandbox),
  })
  using descriptors = onlyThese(['ignore', 'ignore', 'ignore', held.descriptor])
  const child = spawn(program, [...rest, ...plan], {
    cwd: sandbox.folder,
    detached: true,
    env: {
      PATH: PROGRAM_PATH,
      [MARK]: mark,
      ...(confiner.kind === 'scope' ? sessionEnvironment(confiner.uid) : {}),
      ...(isolation === undefined ? unsafeEnvironment(engine, sandbox) : {}),
    },
    stdio: descriptors.stdio,
  })
  return new Promise((started, failed) => {
    child.once('error', (cause) =>
      failed(new SpecfleetError('provider.failed', `${program}: ${cause.message}`, { cause })),
    )
    child.once('spawn', () => {
      child.unref()
      started()
    })
  })
}

function commandOf(engine: Engine, { limits }: SandboxRequest, sandbox: SandboxLayout): string[] {
  const nodeFlags = process.allowedNodeEnvironmentFlags
  if (engine.isolation === undefined) {
    return dyingWithParent([process.execPath, ...workerFlags(limits, nodeFlags), resolve(engine.workerBundle)])
  }
  const { identity, system, snapshot } = engine.isolation
  return isolatedCommand({
    root: engine.layout.root,
    identity,
    system,
    sandbox,
    limits,
    envFile: sandbox.envFile,
    program: workerCommand({ limits, nodeFlags, snapshot }),
  })
}

/** The sandbox that is none has the same variables as the others, at the paths of the host. */
const unsafeEnvironment = (engine: Engine, sandbox: SandboxLayout): Record<string, string> => ({
  HOME: sandbox.home,
  TMPDIR: sandbox.home,
  LANG: 'C.UTF-8',
  SPECFLEET_ENV_FILE: sandbox.envFile,
  NODE_COMPILE_CACHE: join(engine.layout.system, 'unsafe-cache'),
})
