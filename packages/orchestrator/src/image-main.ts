#!/usr/bin/env node
/**
 * `specfleet-image build|check`: the image of sandboxes on a container engine. Says what it does on standard error,
 * and what came of it as one JSON line on standard output.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SpecfleetError, toSpecfleetError } from '@specfleet/shared'
import { systemClock } from './clock.ts'
import { readImageConfig } from './config.ts'
import { buildImage } from './providers/docker/build-image.ts'
import { addressOf } from './providers/docker/engine-address.ts'
import { EngineClient } from './providers/docker/engine-client.ts'
import { defaultImage, WORKER_LABEL, workerVersion } from './providers/docker/image.ts'
import { findWorkerBundle } from './worker-bundle.ts'

const say = (word: { event: string } & Record<string, unknown>): void =>
  void process.stdout.write(`${JSON.stringify(word)}\n`)

process.exitCode = await main(process.argv[2])

/** Resolves with the exit code. */
async function main(what: string | undefined): Promise<number> {
  try {
    if (what !== 'build' && what !== 'check') throw new SpecfleetError('usage', 'specfleet-image build|check')
    const config = readImageConfig()
    const client = new EngineClient(await addressOf(config.engine), systemClock)
    const bundle = await findWorkerBundle({
      chosen: config.workerBundle,
      folder: join(config.home, 'worker'),
      env: config.toolEnv,
    })
    const version = workerVersion(await readFile(bundle))
    const name = config.image ?? defaultImage(version)
    if (what === 'build') {
      const onLine = (line: string) => void process.stderr.write(`${line}\n`)
      await buildImage(client, { name, version, bundle, base: config.base, onLine })
    }
    say({ event: 'image', ...(await stateOf(client, name, version)) })
    return 0
  } catch (thrown) {
    const error = toSpecfleetError(thrown)
    say({ event: 'refused', ...error.toWire() })
    return error.exitCode
  }
}

/** `mounted`: an image without a worker, which is mounted into it. */
async function stateOf(client: EngineClient, name: string, version: string) {
  const found = await client.images.find(name)
  const inside = found?.labels[WORKER_LABEL]
  const state =
    found === undefined ? 'missing' : inside === undefined ? 'mounted' : inside === version ? 'current' : 'stale'
  return { name, state, worker: version, ...(inside === undefined ? {} : { inside }), id: found?.id ?? null }
}
