import { Counter, type Registry } from '@prometheus-io/client';

/** Counts the files that storage elements forget since their time is over. A `target` labels a metric. */
export class ExpiryMetrics {
  readonly #files: Counter<'target'>;
  readonly #bytes: Counter<'target'>;
  readonly #failures: Counter<'target'>;

  constructor(registry: Registry, targets: readonly string[]) {
    const counter = (name: string, help: string): Counter<'target'> =>
      new Counter({ name, help, labelNames: ['target'], registers: [registry] });
    this.#files = counter(
      'storage_expired_files_total',
      'Files that were removed from a local storage element since their time is over.',
    );
    this.#bytes = counter('storage_expired_bytes_total', 'Bytes of these files.');
    this.#failures = counter(
      'storage_expiry_failures_total',
      'Files whose time is over and that could not be removed, and local storage elements that could not be looked through.',
    );
    for (const target of targets) {
      for (const each of [this.#files, this.#bytes, this.#failures]) each.inc({ target }, 0);
    }
  }

  removed(target: string, bytes: number): void {
    this.#files.inc({ target });
    this.#bytes.inc({ target }, bytes);
  }

  failed(target: string): void {
    this.#failures.inc({ target });
  }
}
