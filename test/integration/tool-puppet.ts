import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/**
 * A puppet that has the tools of the real worker, in one file: `tools.run(name, input)` runs one in the
 * workspace and answers as a model would be answered.
 */
export async function bundleToolPuppet(outfile: string): Promise<void> {
  await build({
    stdin: {
      contents: `
        import { Toolbox } from ${JSON.stringify(at('../../packages/sandbox-worker/src/tools/registry.ts'))}
        import { workspaceTools } from ${JSON.stringify(at('../../packages/sandbox-worker/src/tools/workspace-tools.ts'))}
        const env = { PATH: process.env.PATH, HOME: process.env.HOME, LANG: process.env.LANG }
        const toolbox = new Toolbox(workspaceTools({ workdir: process.cwd(), env, access: 'write' }))
        const never = new AbortController().signal
        globalThis.tools = { run: (name, input) => toolbox.run({ id: 'call', name, input }, never) }
        import ${JSON.stringify(at('../../packages/testkit/src/puppet-worker.mjs'))}`,
      resolveDir: at('.'),
    },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    logLevel: 'warning',
  })
}
