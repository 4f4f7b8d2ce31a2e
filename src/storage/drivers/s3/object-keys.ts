const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const COMPANION_END = '.json';

/**
 * Where the objects of an element are: a file is at `<prefix>/<id>`, so that whoever has a receipt finds it, and its companion,
 * where it has one, at `<prefix>/<id>.<attempt>.json`. Each attempt to store an id has a companion of its own, so that who loses
 * does not overwrite the winner's.
 */
export class ObjectKeys {
  readonly #start: string;

  constructor(prefix: string | undefined) {
    this.#start = prefix === undefined ? '' : `${prefix}/`;
  }

  /** What all keys begin with. */
  get start(): string {
    return this.#start;
  }

  file(id: string): string {
    return this.#start + id;
  }

  companion(id: string, attempt: string): string {
    return `${this.companionsStart(id)}${attempt}${COMPANION_END}`;
  }

  /** What all companions of a file begin with. */
  companionsStart(id: string): string {
    return `${this.#start}${id}.`;
  }

  /** The id of the file at `key`; undefined where that is no file of ours. */
  idAt(key: string): string | undefined {
    return key.startsWith(this.#start) ? idOf(key.slice(this.#start.length)) : undefined;
  }

  /** The attempt whose companion `key` is, of the file `id`. */
  attemptAt(key: string, id: string): string | undefined {
    const start = this.companionsStart(id);
    const isCompanion = key.startsWith(start) && key.endsWith(COMPANION_END);
    return isCompanion ? key.slice(start.length, -COMPANION_END.length) : undefined;
  }

  /** Where it is tried out what the store does; no file of ours. */
  get probe(): string {
    return `${this.#start}.ingester-probe`;
  }
}

/** The id in small letters. Undefined for what is no UUID: such an id never becomes a key. */
export function idOf(fileId: string): string | undefined {
  const id = fileId.toLowerCase();
  return ID.test(id) ? id : undefined;
}
