/** A storage element of a kill test. */
export interface KillElement {
  /** What stands of it in `STORAGE_ELEMENTS`, beside id and mode. */
  readonly entry: object;
  /** SHA-256 of each file that it has, by id. */
  readonly files: ReadonlyMap<string, string>;
  /** What uploads in parts have left. */
  readonly leftParts: readonly string[];
  /** Does something wrong with what comes from now on. */
  fail(): void;
  mend(): void;
  /** Has what is left look as if a month had passed. */
  age(): void;
  /** Writes down what it has done with the file `id`. */
  tellOf(id: string): void;
  close(): Promise<void>;
}
