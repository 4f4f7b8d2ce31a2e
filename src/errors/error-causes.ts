/** A longer chain of causes is a circle. */
const MAX_CAUSES = 8;

/** An error and what is behind it, outside first. */
export function causesOf(thrown: unknown): unknown[] {
  const causes: unknown[] = [];
  for (
    let error = thrown;
    error !== undefined && causes.length < MAX_CAUSES;
    error = memberOf(error, 'cause')
  ) {
    causes.push(error);
  }
  return causes;
}

/** A member of whatever was thrown; undefined where it has none. */
export function memberOf(thrown: unknown, name: string): unknown {
  return typeof thrown === 'object' && thrown !== null ? Reflect.get(thrown, name) : undefined;
}
