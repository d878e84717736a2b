/** Tells listeners, in order of their arrival. A listener may not throw: it belongs to whoever added it. */
export class Emitter<T> {
  readonly #listeners = new Set<(event: T) => void>()

  on(listener: (event: T) => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  emit(event: T): void {
    for (const listener of [...this.#listeners]) listener(event)
  }
}
