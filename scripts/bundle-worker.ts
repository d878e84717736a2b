import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { build, type Plugin } from 'esbuild'

const ENTRY = join(import.meta.dirname, '..', 'packages', 'sandbox-worker', 'src', 'main.ts')

/** Some dependencies are CommonJS and ask for Node's own modules by `require`, which a module does not have. */
const REQUIRE = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"

/** A text that lies beside the source which reads it. */
const TEXT_BESIDE = /readFileSync\(new URL\('\.\/([^']+)', import\.meta\.url\), 'utf8'\)/g

/** Puts such texts into the code: beside the bundle there is nothing. */
const inlineTexts: Plugin = {
  name: 'inline-texts',
  setup: ({ onLoad }) => {
    onLoad({ filter: /\/sandbox-worker\/src\/.*\.ts$/ }, async ({ path }) => {
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
 * Writes the worker with all its dependencies as one module. What it imports dynamically stays in the file, but is
 * evaluated only when it is asked for.
 */
export async function bundleWorker(outFile: string): Promise<void> {
  await build({
    entryPoints: [ENTRY],
    outfile: outFile,
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    banner: { js: REQUIRE },
    plugins: [inlineTexts],
    legalComments: 'none',
    logLevel: 'warning',
  })
}
