import { chown, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { arch } from 'node:os'
import { join } from 'node:path'
import { cachedDataVersionTag } from 'node:v8'
import { RunId, SandboxId, SpecfleetError, SpecId, WORKER_EXIT } from '@specfleet/shared'
import { isRoot } from '../engine-folder/folder.ts'
import { digest, exists, makeFolder, place, takeOver, writeShared } from '../engine-folder/place.ts'
import { findProcess } from '../engine-folder/processes.ts'
import { INSIDE } from '../inside.ts'
import type { SandboxRequest } from '../provider.ts'
import { SNAPSHOT_COMMAND, SNAPSHOT_FILE } from '../worker-command.ts'
import { writeIdentity } from './container.ts'
import { bodyOptions } from './create-options.ts'
import type { Engine } from './engine.ts'
import type { HostPath, PlacedWorker, ProvenImage, WorkerImage } from './image.ts'

/** A runtime with a kernel of its own needs processes for that. */
const LIMITS = { memoryMb: 512, diskMb: 16, cpus: 1, pids: 256, wallClockMinutes: 1, outputMb: 1 }

type Trial = Omit<Engine, 'image'> & { readonly image: WorkerImage }

/** How a worker starts, as the marker of a trial says. */
const STARTS = { fromSnapshot: 'from a snapshot', plainly: 'plainly' } as const

/**
 * Proves once for each image and engine that the engine makes such containers and that the worker starts in them. The
 * worker, which is told nothing, refuses to work; what it compiled on the way is kept for every later start, and so is
 * a snapshot to start from, where one can be made.
 * @throws SpecfleetError `provider.unavailable` with the reason
 */
export async function tryOut(engine: Trial, { compileCache }: PlacedWorker): Promise<ProvenImage> {
  const { image, layout, user, runtime, dialect } = engine
  await removeLeftTrials(engine)
  const isMounted = image.mounts.length > 0
  const makeCache = async (inMaking: string) => {
    await makeFolder(inMaking, 0o700)
    if (isRoot()) await chown(inMaking, user.uid, user.gid)
    const cache = { from: inMaking, to: INSIDE.compileCache, writable: true }
    mustBeUnborn(engine, await runOnce(engine, { cache, snapshot: false }))
    const { code, output } = await runOnce(engine, { cache, snapshot: false, command: SNAPSHOT_COMMAND })
    if (code !== 0) engine.log.warn('engine.snapshot-failed', { image: image.name, code, said: lastLine(output) })
    await takeOver(inMaking)
  }
  // An image with the worker in it brings its own.
  if (isMounted) await place(compileCache, makeCache)
  const what = [image.id, image.mounts, user, runtime, dialect.engine, cachedDataVersionTag()]
  const tried = join(layout.system, `tried-${digest(JSON.stringify(what))}`)
  await place(tried, async (part) => {
    const cache = { from: compileCache, to: INSIDE.compileCache }
    const mayHaveOne = !isMounted || (await exists(join(compileCache, SNAPSHOT_FILE)))
    const starts = mayHaveOne && isUnborn(await runOnce(engine, { cache, snapshot: true }))
    if (!starts) mustBeUnborn(engine, await runOnce(engine, { cache, snapshot: false }))
    await writeShared(part, starts ? STARTS.fromSnapshot : STARTS.plainly)
  })
  const snapshot = (await readFile(tried, 'utf8')) === STARTS.fromSnapshot
  if (!snapshot) engine.log.warn('engine.no-snapshot', { image: image.name })
  return { ...image, snapshot }
}

type Ended = { readonly code: number; readonly output: string }
type TrialRun = {
  /** How the compile cache is mounted, where the worker is. */
  readonly cache: HostPath
  readonly snapshot: boolean
  /** Instead of the worker's own. */
  readonly command?: readonly string[]
}

const isUnborn = ({ code }: Ended): boolean => code === WORKER_EXIT.unborn

function mustBeUnborn({ image }: Trial, ended: Ended): void {
  if (!isUnborn(ended)) throw explain(image.name, ended.code, ended.output)
}

/** The folder in place of a wire is new: an engine of another host, where all else may be as it is here, has none. */
async function runOnce(engine: Trial, { cache, snapshot, command }: TrialRun): Promise<Ended> {
  const { image, layout, folder } = engine
  const mounts = image.mounts.map((mount) => (mount.to === cache.to ? cache : mount))
  const wire = await mkdtemp(join(layout.system, `trial-${process.pid}-`))
  try {
    const plan = { ...engine, image: { ...image, mounts, snapshot }, wire, limits: LIMITS }
    const options = bodyOptions(
      { ...plan, nodeFlags: process.allowedNodeEnvironmentFlags },
      { labels: writeIdentity(trial(engine), folder), ...(command && { command }) },
    )
    return await engine.client.runToEnd(`specfleet-trial-${engine.fleet}-${process.pid}`, options)
  } catch (error) {
    throw sayIfElsewhere(error)
  } finally {
    await rm(wire, { recursive: true })
  }
}

/** What is mounted is ours and was there a moment ago: whoever does not find it looks on another host. */
function sayIfElsewhere(error: unknown): unknown {
  if (!(error instanceof SpecfleetError) || !/bind source path does not exist/.test(error.message)) return error
  return new SpecfleetError('provider.unavailable', `the engine is of another host (${error.message})`, {
    cause: error,
    next: 'run an orchestrator on the host of the engine: a sandbox reaches the bus by a socket of its host',
  })
}

/** Each is named after the process that tries; one whose process is gone is nobody's. */
async function removeLeftTrials({ client, fleet, folder, layout }: Trial): Promise<void> {
  const isLeft = async (pid: string | undefined) => (await findProcess(Number(pid))) === undefined
  for (const { name } of await client.list(trialFleet(fleet), folder))
    if (await isLeft(name.split('-').at(-1))) await client.remove(name)
  for (const name of await readdir(layout.system)) {
    const pid = /^trial-(\d+)-/.exec(name)?.[1]
    if (pid !== undefined && (await isLeft(pid))) await rm(join(layout.system, name), { recursive: true, force: true })
  }
}

const trialFleet = (fleet: string): string => `${fleet}/trial`

/** Of a fleet that nobody has, so that nobody takes it for a sandbox. */
const trial = ({ fleet }: Trial): Pick<SandboxRequest, 'id' | 'labels' | 'limits'> => ({
  id: SandboxId.parse('trial'),
  labels: {
    fleet: trialFleet(fleet),
    specId: SpecId.parse('-'),
    runId: RunId.parse('-'),
    epoch: 1,
    expiresAt: new Date(0).toISOString(),
  },
  limits: LIMITS,
})

const lastLine = (output: string): string => output.trim().split('\n').at(-1) ?? ''

/** The loader's words are about files; these are about what an operator can change. Pure. */
export function explain(image: string, code: number, output: string): SpecfleetError {
  const said = lastLine(output)
  const library = /error while loading shared libraries: (\S+):/.exec(output)?.[1]
  const next = `use an image of glibc and libstdc++ for ${arch()}, such as one of Debian`
  if (library !== undefined)
    return new SpecfleetError('provider.unavailable', `image ${image} lacks ${library}, which Node needs`, { next })
  if (/exec format error|no such file or directory/i.test(output))
    return new SpecfleetError('provider.unavailable', `Node cannot run in image ${image} (${said})`, { next })
  const message = `the worker does not start in image ${image}: exit ${code} (${said})`
  if (!UNREADABLE.test(message)) return new SpecfleetError('provider.unavailable', message)
  return new SpecfleetError('provider.unavailable', message, {
    next: 'with this runtime use an image without the worker in it: that of the image may not be read',
  })
}

/** A kernel of its own may read a program to start it: ours may only be executed. */
const UNREADABLE = /exec \S+ failed: Permission denied/
export const isUnreadable = (error: unknown): boolean =>
  error instanceof SpecfleetError && UNREADABLE.test(error.message)
