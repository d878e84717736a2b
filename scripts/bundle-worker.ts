import { join } from 'node:path'
import { build } from 'esbuild'

const ENTRY = join(import.meta.dirname, '..', 'packages', 'sandbox-worker', 'src', 'main.ts')

/** Some dependencies are CommonJS and ask for Node's own modules by `require`, which a module does not have. */
const REQUIRE = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"

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
    legalComments: 'none',
    logLevel: 'warning',
  })
}
