import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { Anthropic } from '@anthropic-ai/sdk'
import type { BetaMessageParam, BetaToolUnion } from '@anthropic-ai/sdk/resources/beta'
import { betaAgentToolset20260401 } from '@anthropic-ai/sdk/tools/agent-toolset/node'
import {
  computeSync,
  type EarlierOutputs,
  evaluate,
  normalisePhase,
  type Phase,
  renderSections,
} from '@specfleet/shared'
import { describe, expect, test } from 'vitest'
import { serveOffline } from './offline-server.ts'

const EXAMPLES = new URL('../../examples/', import.meta.url).pathname
const PHASES = ['explore', 'requirements', 'design', 'tasks'] as const satisfies readonly Phase[]
const MOST_TURNS = 8
const run = promisify(execFile)

const SPEC = [
  '# Order export',
  '## Export',
  '- The service must export orders as CSV with `GET /orders/export`',
  '- If an order has no customer, answer 422',
  '## Storage',
  '- Exports must be kept for 30 days',
].join('\n')

type Tree = Readonly<Record<string, string>>

/** A workspace with these files; in a repository unless told otherwise. */
async function workspace(files: Tree, git = true): Promise<{ root: string } & AsyncDisposable> {
  const root = await mkdtemp(join(tmpdir(), 'offline-'))
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), text)
  }
  if (git) await run('git', ['init', '-q', root])
  if (git) await run('git', ['-C', root, 'add', '-A'])
  return { root, [Symbol.asyncDispose]: () => rm(root, { recursive: true }) }
}

/** Takes a spec through all phases as the worker does, with the real client and the real tools. */
async function plan(text: string, root: string): Promise<{ outputs: EarlierOutputs; turns: number[] }> {
  await using server = await serveOffline()
  const client = new Anthropic({ baseURL: server.baseURL, apiKey: 'none', maxRetries: 0, logLevel: 'off' })
  const tools = betaAgentToolset20260401({ workdir: root, env: { PATH: process.env.PATH ?? '' } })
  const outputs: EarlierOutputs = {}
  const turns: number[] = []
  try {
    for (const phase of PHASES) turns.push(await runPhase(phase, { client, tools, outputs, text, root }))
  } finally {
    for (const each of tools) await each.close?.()
  }
  return { outputs, turns }
}

type Means = {
  client: Anthropic
  tools: ReturnType<typeof betaAgentToolset20260401>
  outputs: EarlierOutputs
  text: string
  root: string
}

/** Turns until the phase was accepted. */
async function runPhase(phase: (typeof PHASES)[number], means: Means): Promise<number> {
  const { client, tools, outputs, text, root } = means
  const definitions: BetaToolUnion[] = [
    ...tools.flatMap((each) => ('input_schema' in each ? [{ name: each.name, input_schema: each.input_schema }] : [])),
    { name: `hand_in_${phase}`, input_schema: { type: 'object' } },
  ]
  const earlier = Object.entries(outputs).map(([name, output]) => ({
    name: 'phase-output',
    attributes: { phase: name },
    body: JSON.stringify(output),
  }))
  const opening = renderSections([
    { name: 'spec', attributes: { id: 's', title: 'A spec' }, body: text },
    ...earlier,
    { name: 'workspace', attributes: { root }, body: '' },
    { name: 'phase', attributes: { name: phase }, body: 'Do it.' },
  ])
  const messages: BetaMessageParam[] = [{ role: 'user', content: opening }]
  for (let turn = 1; turn <= MOST_TURNS; turn++) {
    const reply = await client.beta.messages
      .stream({ model: 'claude-sonnet-5-5', max_tokens: 32_000, messages, tools: definitions })
      .finalMessage()
    const calls = reply.content.filter((block) => block.type === 'tool_use')
    const handedIn = calls.find(({ name }) => name === `hand_in_${phase}`)
    if (handedIn !== undefined) {
      const read = normalisePhase(phase, handedIn.input)
      if (!read.ok) throw new Error(JSON.stringify(read.faults))
      const { passed, feedback } = evaluate(phase, read.output, outputs, {
        pathExists: (path) => existsSync(join(root, path)),
      })
      if (!passed) throw new Error(`${phase}: ${feedback}`)
      Object.assign(outputs, { [phase]: read.output })
      return turn
    }
    const results = []
    for (const { id, name, input } of calls) {
      const called = tools.find((each) => each.name === name)
      if (called === undefined) throw new Error(`${name} was not offered`)
      results.push({ type: 'tool_result' as const, tool_use_id: id, content: await called.run(called.parse(input)) })
    }
    messages.push({ role: 'assistant', content: reply.content }, { role: 'user', content: results })
  }
  throw new Error(`${phase} was not handed in within ${MOST_TURNS} turns`)
}

/** Every path that the tasks change exists, every path that they create does not. */
function expectTrueFiles({ tasks }: EarlierOutputs, root: string): void {
  const made = new Set<string>()
  for (const { files } of tasks?.tasks ?? []) {
    for (const path of files.modify) expect(made.has(path) || existsSync(join(root, path)), path).toBe(true)
    for (const path of files.create) {
      expect(existsSync(join(root, path)), path).toBe(false)
      made.add(path)
    }
  }
  expect(made.size).toBeGreaterThan(0)
}

const PYTHON: Tree = {
  'pyproject.toml': '[project]\nname = "orders"\ndependencies = ["fastapi", "sqlalchemy"]\n',
  'orders/main.py': 'from fastapi import FastAPI\napp = FastAPI()\n',
  'orders/order_store.py': 'class OrderStore:\n    pass\n',
  'tests/test_order_store.py': 'import pytest\n',
}
const GO: Tree = {
  'go.mod': 'module example.org/orders\n\nrequire github.com/go-chi/chi/v5 v5.0.0\n',
  'main.go': 'package main\nfunc main() {}\n',
  'internal/order_store.go': 'package internal\ntype OrderStore struct {}\n',
  'internal/order_store_test.go': 'package internal\nimport "testing"\n',
}
const RUST: Tree = {
  'Cargo.toml': '[package]\nname = "orders"\n\n[dependencies]\naxum = "0.8"\n',
  'src/main.rs': 'fn main() {}\n',
  'src/order_store.rs': 'pub struct OrderStore {}\n',
  'tests/export.rs': '#[test]\nfn exports() {}\n',
}
const JAVA: Tree = {
  'pom.xml':
    '<project>\n  <artifactId>orders</artifactId>\n  <artifactId>spring-boot-starter-web</artifactId>\n</project>\n',
  'src/main/java/org/shop/Application.java': 'public class Application {}\n',
  'src/main/java/org/shop/OrderStore.java': 'public class OrderStore {}\n',
  'src/test/java/org/shop/OrderStoreTest.java': 'import org.junit.jupiter.api.Test;\nclass OrderStoreTest {}\n',
}
const TYPESCRIPT: Tree = {
  'package.json':
    '{"name":"orders","scripts":{"test":"vitest"},"dependencies":{"fastify":"5"},"devDependencies":{"vitest":"5"}}',
  'src/server.ts': "import fastify from 'fastify'\n",
  'src/order-store.ts': 'export class OrderStore {}\n',
  'src/order-store.test.ts': "import { test } from 'vitest'\n",
}

describe('exploring tells the truth about a source in', () => {
  test.each([
    [
      'Python',
      PYTHON,
      ['Python', 'FastAPI', 'SQLAlchemy'],
      'Python web service',
      'python -m pytest',
      'orders/order_store.py',
    ],
    ['Go', GO, ['Go', 'chi'], 'Go web service', 'go test ./...', 'internal/order_store.go'],
    ['Rust', RUST, ['Rust', 'Axum'], 'Rust web service', 'cargo test', 'src/order_store.rs'],
    [
      'Java',
      JAVA,
      ['Java', 'Spring Boot', 'Maven'],
      'Java web service',
      'mvn test',
      'src/main/java/org/shop/OrderStore.java',
    ],
    [
      'TypeScript',
      TYPESCRIPT,
      ['TypeScript', 'Fastify', 'vitest'],
      'TypeScript web service',
      'npm test',
      'src/order-store.ts',
    ],
  ])('%s', async (_, files, stack, type, command, model) => {
    await using place = await workspace(files)
    const { outputs, turns } = await plan(SPEC, place.root)
    const { explore, tasks, design } = outputs
    expect(turns[0]).toBeLessThanOrEqual(6)
    expect(explore?.techStack).toEqual(expect.arrayContaining(stack))
    expect(explore?.projectType).toBe(type)
    expect(explore?.keyFiles.map(({ path }) => path)).toEqual(expect.arrayContaining(Object.keys(files)))
    expect(explore?.existingModels).toContainEqual({ name: 'OrderStore', file: model, fields: [] })
    expect(tasks?.tasks.map(({ validation }) => validation)).toEqual(tasks?.tasks.map(() => [command]))
    expect(design?.components.map(({ filePath }) => filePath.split('.').at(-1))).toEqual(
      design?.components.map(() => model.split('.').at(-1)),
    )
    expectTrueFiles(outputs, place.root)
  })
})

describe('a plan is made for', () => {
  test('the bundled example, extending the files it has', async () => {
    await using place = await workspace({})
    await cp(join(EXAMPLES, 'url-shortener'), place.root, { recursive: true })
    const { outputs } = await plan(await readFile(join(EXAMPLES, 'specs/link-expiry.md'), 'utf8'), place.root)
    const { requirements, design, tasks } = outputs
    if (requirements === undefined || design === undefined || tasks === undefined) throw new Error('no plan')
    expect(design.components.map(({ filePath }) => filePath)).toEqual(
      expect.arrayContaining(['src/link-store.js', 'src/routes.js', 'src/expiry.js']),
    )
    expect(design.apiEndpoints.map(({ method, path }) => `${method} ${path}`)).toContain('GET /api/links/{code}/stats')
    expect(design.dataModels.map(({ name }) => name)).toEqual(['Link', 'DailyCount'])
    expect(new Set(tasks.tasks.map(({ layer }) => layer))).toEqual(new Set(['L0', 'L1', 'L2', 'L3']))
    expect(computeSync({ specId: 's', requirements, design, tasks })).toMatchObject({ ready: true, blockers: [] })
    expectTrueFiles(outputs, place.root)
  })

  test.each(['health-endpoint', 'abuse-protection'])('the example spec %s', async (name) => {
    await using place = await workspace({})
    await cp(join(EXAMPLES, 'url-shortener'), place.root, { recursive: true })
    const { outputs } = await plan(await readFile(join(EXAMPLES, `specs/${name}.md`), 'utf8'), place.root)
    expectTrueFiles(outputs, place.root)
  })

  test('an empty workspace, in the language that the spec names', async () => {
    await using place = await workspace({})
    const { outputs } = await plan(`${SPEC}\n\nIt is written in Python.`, place.root)
    expect(outputs.explore).toMatchObject({ keyFiles: [], projectType: 'greenfield Python project' })
    const created = outputs.tasks?.tasks.flatMap(({ files }) => files.create)
    expect(created).toEqual(expect.arrayContaining(['pyproject.toml', 'src/export.py', 'tests/test_export.py']))
  })

  test('a folder that is no repository, with names that a shell could trip over', async () => {
    const odd = { "src/it's $(odd) `name`.js": 'export const a = 1\n', 'src/ein weg.js': 'export const b = 2\n' }
    await using place = await workspace(odd, false)
    const { outputs } = await plan(SPEC, place.root)
    expect(outputs.explore?.keyFiles.map(({ path }) => path)).toEqual(expect.arrayContaining(Object.keys(odd)))
  })

  test('a tree of 3,000 files, in no time', async () => {
    const names = Array.from({ length: 3_000 }, (_, index) => `src/part-${index % 40}/deep/module-${index}.ts`)
    const files = Object.fromEntries(
      names.map((name, index) => [name, `export class Order${index} {}\n// export orders\n`]),
    )
    await using place = await workspace({ ...files, ...TYPESCRIPT })
    const started = performance.now()
    const { outputs } = await plan(SPEC, place.root)
    expect(performance.now() - started).toBeLessThan(10_000)
    expect(outputs.explore?.codebaseSummary).toContain('3004 files')
    expect(outputs.design?.components.map(({ filePath }) => filePath)).toContain('src/order-store.ts')
    expectTrueFiles(outputs, place.root)
  })
})
