import type { LinkedFile } from '../body-source.js';
import type { SpoolWriter } from './spool-writer.js';

/** A body, as far as who links its file has to know it. */
export interface LinkableBody {
  readonly ended: boolean;
  readonly failure: Error | undefined;
  /** Will it be larger than what it may hold in memory? Undefined where nobody knows. */
  readonly isLarge: boolean | undefined;
}

/** Gives the spool file of a body names at places where it is stored, while its bytes come. */
export class BodyLinks {
  /** Those who wait for something: called whenever anything may have changed. */
  readonly #waiting = new Set<() => void>();

  constructor(
    private readonly body: LinkableBody,
    private readonly spool: SpoolWriter,
  ) {}

  /** Something may have changed: the body, or its file. */
  changed(): void {
    for (const look of this.#waiting) look();
  }

  /** As `DurableBody.linkTo`. */
  async linkTo(path: string, signal: AbortSignal): Promise<LinkedFile | undefined> {
    const { body, spool } = this;
    if (body.isLarge === false && !spool.begun) return undefined;
    // At once, and not with the first write: who cannot have a link reads the body from its first bytes on then.
    if (body.isLarge) spool.begin();
    await this.#until(() => spool.begun || body.ended, signal);
    if (!(await spool.link(path))) return undefined;
    return { whenWhole: () => this.#whenWhole(signal), sync: () => spool.sync() };
  }

  /** A file that takes no more may have all but what comes: nobody waits for that. */
  async #whenWhole(signal: AbortSignal): Promise<boolean> {
    const { body, spool } = this;
    await this.#until(() => body.ended || spool.failure !== undefined, signal);
    const isWhole = await spool.writeAll();
    this.#throwIfOver(signal);
    return isWhole;
  }

  /** @throws the failure of the body, the reason of the signal */
  #until(isSo: () => boolean, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = (): void => {
      try {
        this.#throwIfOver(signal);
        if (isSo()) resolve();
      } catch (error) {
        reject(error);
      }
    };
    this.#waiting.add(look);
    signal.addEventListener('abort', look);
    look();
    return promise.finally(() => {
      this.#waiting.delete(look);
      signal.removeEventListener('abort', look);
    });
  }

  #throwIfOver(signal: AbortSignal): void {
    signal.throwIfAborted();
    if (this.body.failure) throw this.body.failure;
  }
}
