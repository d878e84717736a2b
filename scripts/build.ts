/** `npm run build`: publishable packages under `dist/packages/`, and the worker as one file. */
import { execFileSync } from 'node:child_process'
import { cp, glob, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { bundleWorker } from '../packages/sandbox-worker/bundle.ts'
import { Manifest, publishedManifest } from './package-manifest.ts'

const ROOT = join(import.meta.dirname, '..')
const DIST = join(ROOT, 'dist')
const COMPILED = join(DIST, 'compiled')
const PACKAGES = ['shared', 'orchestrator', 'sandbox-worker', 'cli']

/** The oldest Node that runs what is compiled: it is written for the one that the project pins. */
const ENGINE = '>=24'

await rm(DIST, { recursive: true, force: true })
execFileSync(join(ROOT, 'node_modules', '.bin', 'tsc'), ['-p', 'tsconfig.build.json'], { cwd: ROOT, stdio: 'inherit' })
const worker = join(DIST, 'worker.mjs')
await bundleWorker(worker)
for (const name of PACKAGES) await assemble(name)
await cp(worker, join(DIST, 'packages', 'orchestrator', 'dist', 'worker.mjs'))
await cp(join(ROOT, 'examples'), join(DIST, 'packages', 'cli', 'examples'), { recursive: true })
await rm(COMPILED, { recursive: true })
console.log(`worker.mjs: ${Math.round((await stat(worker)).size / 1024)} KiB`)

/** Puts one package together: compiled code, what its sources read at run time, manifest, licence. */
async function assemble(name: string): Promise<void> {
  const [source, target] = [join(ROOT, 'packages', name), join(DIST, 'packages', name)]
  await cp(join(COMPILED, name, 'src'), join(target, 'dist'), { recursive: true })
  for await (const file of glob('src/**/*.*', { cwd: source, exclude: (entry) => /\.ts$/.test(entry) })) {
    const copy = join(target, file.replace(/^src/, 'dist'))
    await mkdir(dirname(copy), { recursive: true })
    await cp(join(source, file), copy)
  }
  const manifest = Manifest.parse(JSON.parse(await readFile(join(source, 'package.json'), 'utf8')))
  await writeFile(
    join(target, 'package.json'),
    `${JSON.stringify(publishedManifest(manifest, ENGINE), undefined, 2)}\n`,
  )
  await cp(join(ROOT, 'LICENSE'), join(target, 'LICENSE'))
  console.log(`${manifest.name} ${manifest.version}`)
}
