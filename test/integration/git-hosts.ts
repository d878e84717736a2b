/** Repositories that are made for one test, and hosts that serve them, or do not. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export const git = (cwd: string, ...args: string[]) =>
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], { cwd, encoding: 'utf8' }).trim()

/** A repository in that folder, with one commit of these files; without files it has none. */
export async function makeRepository(
  folder: string,
  name: string,
  files: Record<string, string> = { 'README.md': name },
): Promise<string> {
  const path = join(folder, name)
  await mkdir(path)
  git(path, 'init', '-q', '-b', 'main')
  for (const [file, content] of Object.entries(files)) await writeFile(join(path, file), content)
  if (Object.keys(files).length > 0) {
    git(path, 'add', '.')
    git(path, 'commit', '-q', '-m', 'first')
  }
  return path
}

/** A git server on a port of its own, for every repository in a folder. */
export async function serveGit(base: string): Promise<AsyncDisposable & { url: string }> {
  const port = await freePort()
  const options = ['--verbose', '--export-all', '--listen=127.0.0.1', `--port=${port}`, `--base-path=${base}`]
  const daemon = spawn('git', ['-c', 'uploadpack.allowAnySHA1InWant=true', 'daemon', ...options], {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  })
  const exited = once(daemon, 'exit')
  for await (const line of createInterface({ input: daemon.stderr })) if (line.includes('Ready to rumble')) break
  return {
    url: `git://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      if (daemon.pid !== undefined) process.kill(-daemon.pid, 'SIGTERM')
      await exited
    },
  }
}

/** Takes connections and answers nothing; `reached` once so many came. */
export async function muteHost(wanted: number): Promise<AsyncDisposable & { url: string; reached: Promise<void> }> {
  const reached = Promise.withResolvers<void>()
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => socket.destroy()))
    if (sockets.size >= wanted) reached.resolve()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    url: `git://127.0.0.1:${port}/mute`,
    reached: reached.promise,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}
