import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { isBuiltin } from 'node:module'
import { dirname, join } from 'node:path'
import type { Plugin } from 'esbuild'

export type WorkerBundle = { path: string; sha256: string; bytes: number }

const SOURCE = join(import.meta.dirname, 'src')

/**
 * Writes the worker with all that it imports as one file. What it imports dynamically stays in the
 * file, but is evaluated only when it is asked for. It imports and exports nothing by itself, so it is a module as well
 * as the script that a snapshot is made of.
 */
export async function bundleWorker(outFile: string): Promise<WorkerBundle> {
  const { build } = await import('esbuild')
  await build({
    entryPoints: [join(SOURCE, 'main.ts')],
    outfile: outFile,
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'iife',
    target: 'node24',
    legalComments: 'none',
    logLevel: 'warning',
    plugins: [inlineTexts, lazyBuiltins, englishOnly, noSigner],
  })
  const content = await readFile(outFile)
  return { path: outFile, sha256: createHash('sha256').update(content).digest('hex'), bytes: content.length }
}

/** How a source reads a text that lies beside it. */
const TEXT_BESIDE = /readFileSync\(new URL\('\.\/([^']+)', import\.meta\.url\), 'utf8'\)/g

/** Puts such texts into the code, for beside the bundle there is nothing. */
const inlineTexts: Plugin = {
  name: 'inline-texts',
  setup(build) {
    build.onLoad({ filter: /[\\/]sandbox-worker[\\/]src[\\/]skills[\\/].*\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8')
      const names = [...source.matchAll(TEXT_BESIDE)].map((match) => match[1] ?? '')
      const texts = new Map<string, string>()
      for (const name of names) texts.set(name, await readFile(join(dirname(path), name), 'utf8'))
      const contents = source.replace(TEXT_BESIDE, (_, name: string) => JSON.stringify(texts.get(name)))
      return { contents, loader: 'ts' }
    })
  },
}

/**
 * An `import` of one of Node's own modules stands at the top of a bundle, where it is loaded at once,
 * however lazy the module is that asks for it. Asked for in this way it is loaded when something of it
 * is used: so a worker on plain TCP never loads TLS.
 */
const lazyBuiltins: Plugin = {
  name: 'lazy-builtins',
  setup(build) {
    build.onResolve({ filter: /^[a-z]/ }, ({ path }) => (isBuiltin(path) ? { path, namespace: 'builtin' } : undefined))
    build.onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({ contents: standInFor(path), loader: 'js' }))
  },
}

function standInFor(builtin: string): string {
  const load = `process.getBuiltinModule(${JSON.stringify(builtin)})`
  const exports: unknown = process.getBuiltinModule(builtin)
  // Some are functions with more on them: they have to be what they are.
  if (typeof exports !== 'object' || exports === null) return `module.exports = ${load}`
  // Inherited, since each name of its own would be a getter in every module that imports it: thousands in all.
  return [
    'let loaded',
    `const get = (_, name) => (name === '__esModule' ? undefined : (loaded ??= ${load})[name])`,
    'module.exports = Object.create(new Proxy({}, { get }))',
  ].join('\n')
}

/** The client brings a signer of its own, with its tables; the worker signs by Node. */
const noSigner: Plugin = {
  name: 'no-signer',
  setup(build) {
    build.onLoad({ filter: /[\\/]@nats-io[\\/]nkeys[\\/]lib[\\/]mod\.js$/ }, () => ({ contents: '', loader: 'js' }))
  },
}

/** Zod brings its messages in some fifty languages, and initialises each. */
const englishOnly: Plugin = {
  name: 'english-only',
  setup(build) {
    build.onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js'",
      loader: 'js',
    }))
  },
}
