import { createHash, type Hash } from 'node:crypto';
import { ServiceError } from '../errors/service-error.js';

export type DigestAlgorithm = 'sha256' | 'sha512';

/** A digest in bare lower-case hex. */
export interface Digest {
  readonly algorithm: DigestAlgorithm;
  readonly hex: string;
}

export interface DigestCheckOptions {
  /** Digests that are to be made here, of the bytes that are shown: on the thread that shows them. */
  readonly make: Iterable<DigestAlgorithm>;
  /** What the client says. Asked when all bytes have come, since it may come behind them. @throws what is wrong with it */
  readonly declared: () => readonly Digest[];
}

/** Makes the digests of bytes that go by, and holds them against those that a client declares. */
export class DigestCheck {
  private readonly hashes: ReadonlyMap<DigestAlgorithm, Hash>;
  private readonly made = new Map<DigestAlgorithm, string>();

  constructor(private readonly options: DigestCheckOptions) {
    this.hashes = new Map([...options.make].map((algorithm) => [algorithm, createHash(algorithm)]));
  }

  update(chunk: Buffer): void {
    for (const hash of this.hashes.values()) hash.update(chunk);
  }

  /**
   * Once, when all bytes have been shown; `known` are digests of them that others have made.
   * @throws DIGEST_MISMATCH, and what `declared` throws
   */
  finish(...known: readonly Digest[]): void {
    for (const { algorithm, hex } of known) this.made.set(algorithm, hex);
    for (const [algorithm, hash] of this.hashes) this.made.set(algorithm, hash.digest('hex'));
    for (const { algorithm, hex } of this.options.declared()) {
      const found = this.digestOf(algorithm);
      if (found !== hex) throw mismatch(algorithm, found, hex);
    }
  }

  /** In bare hex. @throws Error before `finish`, and for one that nobody has made */
  digestOf(algorithm: DigestAlgorithm): string {
    const hex = this.made.get(algorithm);
    if (hex === undefined) throw new Error(`The ${algorithm} of these bytes is not known`);
    return hex;
  }
}

function mismatch(algorithm: DigestAlgorithm, found: string, declared: string): ServiceError {
  const name = algorithm === 'sha256' ? 'SHA-256' : 'SHA-512';
  return new ServiceError(
    'DIGEST_MISMATCH',
    `The bytes have ${name} ${found}, not the declared ${declared}.`,
  );
}
