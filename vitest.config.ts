import { defineConfig } from 'vitest/config'

const SECOND = 1_000

/**
 * Three projects by what a test needs: nothing (`unit`), one real engine (`integration`), the whole system
 * (`e2e`). Files run in forked processes, so a test that kills or leaks harms its own file only.
 */
export default defineConfig({
  test: {
    pool: 'forks',
    setupFiles: ['./test/setup/fast-check.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['packages/*/src/**/*.test.ts', 'scripts/**/*.test.ts', 'test/bench/*.test.ts'],
          testTimeout: 10 * SECOND,
          hookTimeout: 10 * SECOND,
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          testTimeout: 60 * SECOND,
          hookTimeout: 60 * SECOND,
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 120 * SECOND,
          hookTimeout: 120 * SECOND,
          fileParallelism: false,
        },
      },
    ],
  },
})
