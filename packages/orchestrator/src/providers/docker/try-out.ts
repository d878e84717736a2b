import { chown } from 'node:fs/promises'
import { arch } from 'node:os'
import { join } from 'node:path'
import { RunId, SandboxId, SpecfleetError, SpecId, WORKER_EXIT } from '@specfleet/shared'
import { isRoot } from '../engine-folder/folder.ts'
import { digest, makeFolder, place } from '../engine-folder/place.ts'
import { findProcess } from '../engine-folder/processes.ts'
import { INSIDE } from '../inside.ts'
import type { SandboxRequest } from '../provider.ts'
import { createOptions } from './create-options.ts'
import type { Engine } from './engine.ts'
import type { PlacedWorker } from './image.ts'

const LIMITS = { memoryMb: 512, diskMb: 16, cpus: 1, pids: 64, wallClockMinutes: 1, outputMb: 1 }

/**
 * Proves once for each image and engine that the engine makes such containers and that the worker starts in them. The worker,
 * which is told nothing, refuses to work; what it compiled on the way is kept for every later start.
 * @throws SpecfleetError `provider.unavailable` with the reason
 */
export async function tryOut(engine: Engine, { compileCache }: PlacedWorker): Promise<void> {
  const { image, layout, user, runtime, dialect } = engine
  await removeLeftTrials(engine)
  const what = [image.id, image.mounts, user, runtime, dialect.engine]
  const tried = join(layout.system, `tried-${digest(JSON.stringify(what))}`)
  const makeCache = async (inMaking: string) => {
    await makeFolder(inMaking, 0o700)
    if (isRoot()) await chown(inMaking, user.uid, user.gid)
    await runOnce(engine, `${inMaking}:${INSIDE.compileCache}`)
  }
  // An image with the worker in it brings its own.
  if (image.mounts.length > 0) await place(compileCache, makeCache)
  await place(tried, async (part) => {
    await runOnce(engine, `${compileCache}:${INSIDE.compileCache}:ro`)
    await makeFolder(part)
  })
}

/** @param cache how the compile cache is mounted, where the worker is */
async function runOnce(engine: Engine, cache: string): Promise<void> {
  const { image, layout } = engine
  const isCache = (mount: string) => mount.includes(`:${INSIDE.compileCache}:`)
  const mounts = image.mounts.map((mount) => (isCache(mount) ? cache : mount))
  const nodeFlags = process.allowedNodeEnvironmentFlags
  const options = createOptions({
    ...engine,
    request: trial(engine),
    image: { ...image, mounts },
    wire: layout.wire,
    nodeFlags,
  })
  const { code, output } = await engine.client.runToEnd(`specfleet-trial-${engine.fleet}-${process.pid}`, options)
  if (code !== WORKER_EXIT.unborn) throw explain(image.name, code, output)
}

/** Each is named after the process that tries; one whose process is gone is nobody's. */
async function removeLeftTrials({ client, fleet, folder }: Engine): Promise<void> {
  for (const { name } of await client.list(trialFleet(fleet), folder)) {
    const pid = Number(name.slice(name.lastIndexOf('-') + 1))
    if ((await findProcess(pid)) === undefined) await client.remove(name)
  }
}

const trialFleet = (fleet: string): string => `${fleet}/trial`

/** Of a fleet that nobody has, so that nobody takes it for a sandbox. */
const trial = ({ fleet }: Engine): Pick<SandboxRequest, 'id' | 'labels' | 'limits'> => ({
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

/** The loader's words are about files; these are about what an operator can change. Pure. */
export function explain(image: string, code: number, output: string): SpecfleetError {
  const said = output.trim().split('\n').at(-1) ?? ''
  const library = /error while loading shared libraries: (\S+):/.exec(output)?.[1]
  const next = `use an image of glibc and libstdc++ for ${arch()}, such as one of Debian`
  if (library !== undefined)
    return new SpecfleetError('provider.unavailable', `image ${image} lacks ${library}, which Node needs`, { next })
  if (/exec format error|no such file or directory/i.test(output))
    return new SpecfleetError('provider.unavailable', `Node cannot run in image ${image} (${said})`, { next })
  return new SpecfleetError(
    'provider.unavailable',
    `the worker does not start in image ${image}: exit ${code} (${said})`,
  )
}
