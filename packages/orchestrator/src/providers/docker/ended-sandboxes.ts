import type { Sandbox } from '../provider.ts'
import type { Container } from './exit.ts'

type Which = Pick<Container, 'containerId'>

/** How sandboxes ended, which does not change any more: their containers are asked once. */
export class EndedSandboxes {
  readonly #known = new Map<string, Sandbox>()

  remember(sandbox: Sandbox, { containerId }: Which): void {
    this.#known.set(containerId, sandbox)
  }

  find({ containerId }: Which): Sandbox | undefined {
    return this.#known.get(containerId)
  }

  /** Forgets all others. */
  keep(containers: readonly Which[]): void {
    const kept = new Set(containers.map(({ containerId }) => containerId))
    for (const containerId of this.#known.keys()) if (!kept.has(containerId)) this.#known.delete(containerId)
  }
}
