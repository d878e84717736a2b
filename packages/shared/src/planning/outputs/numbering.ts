/**
 * The ids of a list: the ones given, and `PREFIX-001`, `PREFIX-002` … for the entries without,
 * in their order, stepping over ids that are taken. The same list always gets the same ids.
 */
export function numberIds(prefix: string, entries: readonly { id?: string | undefined }[]): string[] {
  const given = entries.map(({ id }) => (id ?? '').trim())
  const taken = new Set(given)
  let next = 1
  return given.map((id) => {
    if (id !== '') return id
    let numbered: string
    do numbered = `${prefix}-${String(next++).padStart(3, '0')}`
    while (taken.has(numbered))
    taken.add(numbered)
    return numbered
  })
}
