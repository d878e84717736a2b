import * as z from 'zod'

/** What the build reads of a `package.json`; the rest is carried over. */
export const Manifest = z.looseObject({
  name: z.string(),
  version: z.string(),
  private: z.boolean().optional(),
  bin: z.record(z.string(), z.string()).optional(),
  exports: z.record(z.string(), z.string()).optional(),
})
export type Manifest = z.infer<typeof Manifest>

/** The manifest as it is published: entries point at compiled files, with their types. */
export function publishedManifest(manifest: Manifest, engine: string) {
  return {
    ...manifest,
    ...(manifest.bin && { bin: mapValues(manifest.bin, compiled('.js')) }),
    ...(manifest.exports && {
      exports: mapValues(manifest.exports, (source) => ({
        types: compiled('.d.ts')(source),
        default: compiled('.js')(source),
      })),
    }),
    files: ['dist'],
    engines: { node: engine },
  }
}

/** `./src/main.ts` → `./dist/main.js` */
const compiled = (extension: string) => (source: string) =>
  source.replace(/^\.\/src\//, './dist/').replace(/\.ts$/, extension)

function mapValues<From, To>(record: Record<string, From>, map: (value: From) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]))
}
