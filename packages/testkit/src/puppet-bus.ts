import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'

/** The bundle to give to a provider whose sandboxes a test wants to speak with. */
export const PUPPET_BUNDLE = fileURLToPath(new URL('./puppet-worker.mjs', import.meta.url))

/** What a puppet says of itself when it has reached the bus. */
export type Hello = {
  env: Record<string, string>
  pid: number
  uid: number
  environ: Record<string, string>
  argv: string[]
}

/** A worker inside a sandbox, at the other end of its wire. */
export type Puppet = {
  readonly hello: Hello
  /** Runs the body of an async function inside and returns what it returns, as JSON. */
  run(code: string): Promise<unknown>
  /** Starts it without waiting for an answer: for what ends the worker. */
  start(code: string): void
  readonly gone: Promise<void>
}

/** Runs a shell command as an agent's tools do: in a child of the worker. Its output and, unless it is 0, its exit code. */
export async function shellIn(worker: Puppet, command: string): Promise<string> {
  const code = `const { spawnSync } = await import('node:child_process')
    const { stdout, stderr, status } = spawnSync('/bin/sh', ['-c', ${JSON.stringify(command)}], { encoding: 'utf8' })
    return (stdout + stderr).trim() + (status === 0 ? '' : ' [' + status + ']')`
  return String(await worker.run(code))
}

type Message = { hello?: Hello; call?: number; value?: unknown; error?: string }

/** Stands in for the bus: every sandbox's worker connects to it, and tests reach the workers through it. */
export type PuppetBus = AsyncDisposable & {
  /** `host:port` */
  readonly address: string
  /** The next worker of that sandbox to say hello, or the one that has. */
  puppet(sandboxId: string): Promise<Puppet>
}

export async function startPuppetBus(): Promise<PuppetBus> {
  const there = new Map<string, Puppet>()
  const waiting = new Map<string, ((puppet: Puppet) => void)[]>()
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    greet(socket, (id, puppet) => {
      there.set(id, puppet)
      void puppet.gone.then(() => there.get(id) === puppet && there.delete(id))
      for (const tell of waiting.get(id) ?? []) tell(puppet)
      waiting.delete(id)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    address: `127.0.0.1:${port}`,
    puppet: (id) =>
      new Promise((resolve) => {
        const puppet = there.get(id)
        if (puppet !== undefined) resolve(puppet)
        else waiting.set(id, [...(waiting.get(id) ?? []), resolve])
      }),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

function greet(socket: Socket, arrived: (sandboxId: string, puppet: Puppet) => void): void {
  const calls = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  const { promise: gone, resolve: leave } = Promise.withResolvers<void>()
  let count = 0
  const send = (code: string) => {
    count++
    const text = JSON.stringify({ call: count, code })
    socket.write(`MSG puppet 1 ${Buffer.byteLength(text)}\r\n${text}\r\n`)
    return count
  }
  const take = ({ hello, call, value, error }: Message) => {
    if (hello !== undefined) {
      const run = (code: string) => new Promise((resolve, reject) => calls.set(send(code), { resolve, reject }))
      const start = (code: string) => void send(code)
      return arrived(hello.env.SANDBOX_ID ?? '', { hello, run, start, gone })
    }
    const waiter = calls.get(call ?? 0)
    calls.delete(call ?? 0)
    if (error === undefined) waiter?.resolve(value)
    else waiter?.reject(new Error(`inside the sandbox: ${error}`))
  }
  let rest = ''
  socket.setEncoding('utf8')
  socket.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\r\n')
    rest = lines.pop() ?? ''
    // Between the payloads stand the control lines of their frames.
    for (const line of lines) if (line.startsWith('{')) take(JSON.parse(line))
  })
  socket.on('error', () => socket.destroy())
  socket.on('close', () => {
    for (const { reject } of calls.values()) reject(new Error('the worker is gone'))
    leave()
  })
}
