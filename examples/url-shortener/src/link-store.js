import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Keeps links in memory and in one JSON file, which is replaced as a whole so that it is never half written. */
export class LinkStore {
  #file
  #links
  #saving = Promise.resolve()

  constructor(file, links = new Map()) {
    this.#file = file
    this.#links = links
  }

  static async open(file) {
    try {
      const links = JSON.parse(await readFile(file, 'utf8'))
      return new LinkStore(file, new Map(links.map((link) => [link.code, link])))
    } catch (error) {
      if (error.code === 'ENOENT') return new LinkStore(file)
      throw error
    }
  }

  find(code) {
    return this.#links.get(code)
  }

  async add(link) {
    if (this.#links.has(link.code)) throw Object.assign(new Error('code is taken'), { status: 409 })
    this.#links.set(link.code, link)
    await this.#save()
    return link
  }

  async remove(code) {
    const removed = this.#links.delete(code)
    if (removed) await this.#save()
    return removed
  }

  async countVisit(code) {
    const link = this.#links.get(code)
    if (link === undefined) return undefined
    link.visits += 1
    await this.#save()
    return link
  }

  /** Writes follow one another: two at once would replace the file by the older one. */
  #save() {
    const text = JSON.stringify([...this.#links.values()], null, 2)
    const write = async () => {
      await mkdir(dirname(this.#file), { recursive: true })
      await writeFile(`${this.#file}.new`, text)
      await rename(`${this.#file}.new`, this.#file)
    }
    this.#saving = this.#saving.then(write, write)
    return this.#saving
  }
}
