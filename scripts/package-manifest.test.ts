import { expect, test } from 'vitest'
import { publishedManifest } from './package-manifest.ts'

test('entries point at compiled files, and all else is carried over', () => {
  const manifest = {
    name: '@specfleet/cli',
    version: '0.1.0',
    bin: { specfleet: './src/main.ts' },
    exports: { './embedded': './src/embedded/nats.ts' },
    dependencies: { zod: '4.6.7' },
  }
  expect(publishedManifest(manifest, '>=24')).toEqual({
    ...manifest,
    bin: { specfleet: './dist/main.js' },
    exports: { './embedded': { types: './dist/embedded/nats.d.ts', default: './dist/embedded/nats.js' } },
    files: ['dist'],
    engines: { node: '>=24' },
  })
})
