/** Entries by each of their keys, in the order in which the keys are met. */
export function groupByEach<T, K>(entries: readonly T[], keysOf: (entry: T) => readonly K[]): Map<K, T[]> {
  const groups = new Map<K, T[]>()
  for (const entry of entries) {
    for (const key of new Set(keysOf(entry))) {
      const known = groups.get(key)
      if (known === undefined) groups.set(key, [entry])
      else known.push(entry)
    }
  }
  return groups
}
