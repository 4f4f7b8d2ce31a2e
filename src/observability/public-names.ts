/**
 * Names for everybody: what stands behind a colon, as the id of a storage element, is a number instead. `storage:se-07`
 * becomes `storage:1` where it is the first of its kind.
 */
export function publicNames<T>(named: Readonly<Record<string, T>>): Record<string, T> {
  const counts = new Map<string, number>();
  const renamed = Object.entries(named).map(([name, value]): [string, T] => {
    const [kind = ''] = name.split(':', 1);
    if (kind === name) return [name, value];
    const number = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, number);
    return [`${kind}:${number}`, value];
  });
  return Object.fromEntries(renamed);
}
