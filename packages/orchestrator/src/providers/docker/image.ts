import { join } from 'node:path'
import { SpecfleetError } from '@specfleet/shared'
import { digest, placeBundle, placeProgram } from '../engine-folder/place.ts'
import { INSIDE } from '../inside.ts'
import type { EngineClient } from './engine-client.ts'
import type { FoundImage } from './engine-images.ts'

/** What containers are made of: an image, and what is mounted into it. */
export type WorkerImage = {
  readonly name: string
  /** By its content, so that a name that is given to another image changes nothing half way. */
  readonly id: string
  /** Where the image has its programs; the system's usual places when it does not say. */
  readonly path: string | undefined
  /** Empty when the image has the worker in it. */
  readonly mounts: readonly HostPath[]
}

/** An image in which a worker was started on this engine. */
export type ProvenImage = WorkerImage & {
  /** Whether it starts from a snapshot. */
  readonly snapshot: boolean
}

/** A file or folder of this host, and where a container sees it. */
export type HostPath = { readonly from: string; readonly to: string; readonly writable?: boolean }

/** The worker and a Node to run it, for images that have neither. */
export type PlacedWorker = {
  readonly node: string
  readonly bundle: string
  /** With the snapshot in it. Made by the worker's first runs; later ones only read it: who could write it would choose their code. */
  readonly compileCache: string
}

/** On an image that has the worker in it: which one. */
export const WORKER_LABEL = 'specfleet.worker'
const DEFAULT_NAME = 'specfleet-worker'

/** `execute-only`: then what runs it can be looked into by nobody else inside. */
export type NodeAccess = 'execute-only' | 'readable'
const MODES = { 'execute-only': 0o111, readable: 0o555 } as const

/** @throws SpecfleetError `worker.bundle` */
export async function placeWorker(system: string, bundle: string, access: NodeAccess): Promise<PlacedWorker> {
  const worker = await placeBundle(system, bundle)
  return {
    node: await placeProgram(system, process.execPath, MODES[access]),
    bundle: join(worker, 'worker.mjs'),
    compileCache: join(worker, 'cache'),
  }
}

/** What identifies a worker bundle among images. */
export const workerVersion = (bundle: Buffer): string => digest(bundle)

/** The image that is used where none is chosen. */
export const defaultImage = (version: string): string => `${DEFAULT_NAME}:${version}`

/**
 * The image as it is on the engine now. Nothing is pulled, built or replaced here.
 * @throws SpecfleetError `provider.image` with the one command to run
 */
export async function findWorkerImage(
  client: EngineClient,
  { name, version, worker }: { readonly name: string; readonly version: string; readonly worker: PlacedWorker },
): Promise<WorkerImage> {
  const found = await client.images.find(name)
  if (found === undefined) throw new SpecfleetError('provider.image', `the engine has no image ${name}`)
  const mounts = mountsFor(found, worker, { name, version })
  return { name, id: found.id, path: pathOf(found), mounts }
}

/** An image with a worker in it has to have this one; any other image gets it mounted. Pure. */
export function mountsFor(
  { labels }: Pick<FoundImage, 'labels'>,
  { node, bundle, compileCache }: PlacedWorker,
  { name, version }: { readonly name: string; readonly version: string },
): HostPath[] {
  const inside = labels[WORKER_LABEL]
  if (inside === version) return []
  if (inside !== undefined)
    throw new SpecfleetError('provider.image', `${name} has worker ${inside} in it, and this fleet has ${version}`)
  return [
    { from: node, to: INSIDE.node },
    { from: bundle, to: INSIDE.bundle },
    { from: compileCache, to: INSIDE.compileCache },
  ]
}

const pathOf = ({ env }: FoundImage): string | undefined =>
  env.find((variable) => variable.startsWith('PATH='))?.slice('PATH='.length)
