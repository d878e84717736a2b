/**
 * Descriptors that whoever started us has left open, and that every child of ours would inherit: Node marks
 * its own as closing on exec, and of foreign ones only the lowest. In a sandbox they would be doors to the
 * host; in a process that outlives us they would keep somebody's pipe open.
 */
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'

const CLOSE_ON_EXEC = 0o2000000
const STANDARD = 3

/** Whether a descriptor goes on into children, by the text of `/proc/self/fdinfo/<n>`. Pure. */
export function isInherited(fdinfo: string): boolean {
  const flags = /^flags:\s*([0-7]+)$/m.exec(fdinfo)?.[1]
  return flags !== undefined && (Number.parseInt(flags, 8) & CLOSE_ON_EXEC) === 0
}

export type ChildDescriptors = Disposable & { readonly stdio: ('ignore' | 'pipe' | number)[] }

/** `stdio` for `spawn` by which a child gets what is named, and in the place of every stray an empty one. */
export function onlyThese(named: readonly ('ignore' | 'pipe' | number)[]): ChildDescriptors {
  const strays = strayDescriptors().filter((descriptor) => descriptor >= named.length)
  const empty = openSync('/dev/null', 'r')
  const stdio: ('ignore' | 'pipe' | number)[] = [...named]
  for (const stray of strays) {
    // What is ignored above the standard three stays as it is, so a stray must be replaced.
    while (stdio.length < stray) stdio.push('ignore')
    stdio[stray] = empty
  }
  return { stdio, [Symbol.dispose]: () => closeSync(empty) }
}

function strayDescriptors(): number[] {
  return readdirSync('/proc/self/fdinfo')
    .map(Number)
    .filter((descriptor) => descriptor >= STANDARD && isInherited(readInfo(descriptor)))
    .sort((one, other) => one - other)
}

/** Empty for the descriptor by which the folder itself was read. */
function readInfo(descriptor: number): string {
  try {
    return readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8')
  } catch {
    return ''
  }
}
