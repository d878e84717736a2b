/** An image whose worker costs nothing: it tells what it was told, and sleeps. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { WORKER_EXIT } from '@specfleet/shared'
import type Docker from 'dockerode'
import * as z from 'zod'
import { WORKER_LABEL, workerVersion } from '../../packages/orchestrator/src/providers/docker/image.ts'
import { textOf } from '../../packages/orchestrator/src/providers/docker/output.ts'
import { baseImage, type TestDocker } from '../../packages/testkit/src/docker.ts'

const NAME = 'specfleet-idle:1'

/** In the place of Node. Told nothing it refuses, as a worker does. */
const PROGRAM = `#!/bin/sh
read -r environment
test -n "$environment" || exit ${WORKER_EXIT.unborn}
printf '%s\\n' "$environment"
exec sleep infinity
`

/** Builds it for fleets that have that worker, and gives its name. */
export async function idleImage(docker: TestDocker, workerBundle: string): Promise<string> {
  const base = await baseImage(docker)
  const folder = await mkdtemp(join(tmpdir(), 'specfleet-idle-'))
  try {
    await writeFile(join(folder, 'node'), PROGRAM, { mode: 0o755 })
    const recipe = [
      `FROM ${base}`,
      'COPY node /opt/specfleet/bin/node',
      `LABEL ${WORKER_LABEL}=${workerVersion(await readFile(workerBundle))}`,
    ]
    await writeFile(join(folder, 'Dockerfile'), recipe.join('\n'))
    // What it says is read to the end, which is when it is built.
    await text(await docker.client.buildImage({ context: folder, src: ['Dockerfile', 'node'] }, { t: NAME }))
    return NAME
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const Environment = z.record(z.string(), z.string())

/** The environment that such a container was given, once it has told. */
export async function environmentIn(container: Docker.Container): Promise<Readonly<Record<string, string>>> {
  const output = await container.logs({ stdout: true, follow: true })
  const pieces: Buffer[] = []
  for await (const piece of output) {
    pieces.push(Buffer.from(piece))
    const told = textOf(Buffer.concat(pieces))
    if (told.endsWith('\n')) return Environment.parse(JSON.parse(told))
  }
  throw new Error(`container ${container.id} ended without a word`)
}
