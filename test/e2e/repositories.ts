import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'

export { repositoryOf, SMALL_SERVICE, type TemporaryRepository } from '../../packages/testkit/src/source-repository.ts'

/** The repository behind the protocol of git, at a port of 127.0.0.1 that was free. */
export async function serveRepository(path: string): Promise<AsyncDisposable & { readonly url: string }> {
  const { port } = await freePort()
  const where = ['--listen=127.0.0.1', `--port=${port}`, `--base-path=${path}`]
  const daemon = spawn('git', ['daemon', '--verbose', '--export-all', ...where, path], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const exited = once(daemon, 'exit')
  const ready = new Promise<void>((resolve) => {
    daemon.stderr.setEncoding('utf8').on('data', (text: string) => text.includes('Ready to rumble') && resolve())
  })
  await Promise.race([ready, exited])
  return {
    url: `git://127.0.0.1:${port}/`,
    async [Symbol.asyncDispose]() {
      daemon.kill('SIGTERM')
      await exited
    },
  }
}

async function freePort(): Promise<AddressInfo> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('there is no port')
  return address
}

/** So many source files in folders of fifty, the same every time. */
export function manyFiles(count: number): Record<string, string> {
  const modules = Array.from({ length: count - 2 }, (_, at) => {
    const name = `src/area-${Math.floor(at / 50)}/module-${at}.ts`
    return [name, `export function step${at}(input: number): number {\n  return input * ${at % 97} + ${at}\n}\n`]
  })
  return {
    'package.json': '{ "name": "many", "version": "1.0.0", "type": "module", "main": "src/area-0/module-0.ts" }\n',
    'README.md': '# Many\n',
    ...Object.fromEntries(modules),
  }
}

/** A spec with that many requirements that can be tested. */
export const NOTES_SPEC = `# Shared notes

People share notes with each other.

## Sharing

- WHEN a person shares a note, THE SYSTEM SHALL create a link that is valid for 7 days.
- IF a link has expired, THEN THE SYSTEM SHALL answer with status 410.
- The system must refuse notes that are longer than 10,000 characters.

## Storage

- Notes must survive a restart of the server.
- The system must answer a request for a note within 100 ms.
`
export const ALARM_SPEC = `# Alarms

## Alarms

- WHEN a sensor reports more than 80 degrees, THE SYSTEM SHALL raise an alarm within 2 seconds.
- WHILE an alarm is active, THE SYSTEM SHALL repeat it every 60 seconds.
- IF a sensor is silent for 5 minutes, THEN THE SYSTEM SHALL report it as lost.
`
