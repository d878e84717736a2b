/**
 * What an engine forgets that is killed while it starts a container: the process that was to become the container's
 * first, and the shim above it. The engine knows neither of them when it is back, and no call of it ends them.
 *
 * A shim works in the bundle of its container, whose configuration names the folders of this host that are mounted
 * there. One out of our own is in no container but ours, so that a shim of which the engine has no container is left.
 * Who may not look into the shims of this host finds none.
 */
import { readFile } from 'node:fs/promises'
import { basename, join, sep } from 'node:path'
import * as z from 'zod'
import { parseIfJson } from '../../parse-if-json.ts'
import { allProcesses, descendants, type Process, readOfProcess, signalProcess } from '../engine-folder/processes.ts'
import type { Engine } from './engine.ts'

type Shim = { readonly process: Process; readonly containerId: string }

/** Ends it. Resolves with how many containers the engine had forgotten. */
export async function endForgotten({ client, layout }: Engine): Promise<number> {
  // In this order: an engine has a container for longer than that has a shim.
  const processes = await allProcesses()
  const shims = await shimsAmong(processes)
  if (shims.length === 0) return 0
  const known = await client.allIds()
  const unknown = shims.filter(({ containerId }) => !known.has(containerId))
  const ours = await Promise.all(unknown.map(({ process }) => mountsFrom(layout.sandboxes, process)))
  const forgotten = unknown.filter((_, index) => ours[index])
  for (const { process } of forgotten) {
    for (const each of [...descendants(processes, process.pid), process]) await signalProcess(each, 'SIGKILL')
  }
  return forgotten.length
}

async function shimsAmong(processes: readonly Process[]): Promise<Shim[]> {
  const found = processes.map(async (process): Promise<Shim[]> => {
    const command = await readOfProcess(() => readFile(`/proc/${process.pid}/cmdline`, 'utf8'))
    const containerId = command && containerOfShim(command.split('\0'))
    return containerId === undefined || containerId === '' ? [] : [{ process, containerId }]
  })
  return (await Promise.all(found)).flat()
}

/** Of any other program `undefined`. Pure. */
export function containerOfShim([program = '', ...args]: readonly string[]): string | undefined {
  const at = args.indexOf('-id')
  return basename(program).startsWith('containerd-shim') && at >= 0 ? args[at + 1] : undefined
}

/** Whether anything below the folder is mounted into the container of that shim. */
async function mountsFrom(folder: string, { pid }: Process): Promise<boolean> {
  const text = await readOfProcess(() => readFile(join('/proc', String(pid), 'cwd', 'config.json'), 'utf8'))
  const bundle = Bundle.safeParse(text && parseIfJson(text))
  return bundle.success && bundle.data.mounts.some(({ source }) => source.startsWith(`${folder}${sep}`))
}

const Bundle = z.object({ mounts: z.array(z.object({ source: z.string().default('') })) })
