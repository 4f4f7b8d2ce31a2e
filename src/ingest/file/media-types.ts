import { ServiceError } from '../../errors/service-error.js';
import { agree, isMarkup, isTextType, mayBeKeptIn } from './media-type-families.js';
import { essenceOf, mainNameOf, namesOf } from './media-type-names.js';
import { hasSignature, isWeak, mayLackSignature, sniff } from './media-type-signatures.js';

/** Bytes at the beginning of a file in which its type is looked for. */
export const SNIFF_BYTES = 4100;

/**
 * Which file types are taken: `image/png`, `image/*`. An empty list takes all. The declared type must be on the list,
 * by any of its names, and the bytes must not contradict it: docs/media-types.md has the rule.
 */
export class MediaTypes {
  private readonly allowed: readonly string[];

  constructor(allowed: readonly string[]) {
    this.allowed = allowed.map((type) => mainNameOf(type.toLowerCase()));
  }

  get unrestricted(): boolean {
    return this.allowed.length === 0;
  }

  /** @throws UNSUPPORTED_MEDIA_TYPE */
  checkDeclared(contentType: string): void {
    const essence = essenceOf(contentType);
    if (!this.allows(essence)) {
      throw unsupported(
        `The file is declared as ${JSON.stringify(essence)}, which is not among the types taken.`,
      );
    }
  }

  /**
   * Compares the beginning of a file, as much as `SNIFF_BYTES` of it, with what it was declared as.
   * @throws UNSUPPORTED_MEDIA_TYPE
   */
  async checkBytes(contentType: string, head: Buffer): Promise<void> {
    const essence = essenceOf(contentType);
    const declared = mainNameOf(essence);
    const sniffed = await sniff(head);
    if (sniffed === undefined) {
      if (mayLackSignature(declared, head)) return;
      throw unsupported(
        `The file is declared as ${JSON.stringify(essence)}, and does not begin as such files do.`,
      );
    }
    if (!this.acceptsAs(declared, sniffed)) {
      throw unsupported(
        `The bytes of the file are ${sniffed}, which is not taken as ${JSON.stringify(essence)}.`,
      );
    }
  }

  /** A type of which nothing is known, `application/octet-stream` above all, does not speak for its bytes. */
  private acceptsAs(declared: string, sniffed: string): boolean {
    if (agree(declared, sniffed)) return true;
    if (hasSignature(declared)) return false;
    if (isTextType(declared)) return isMarkup(sniffed);
    return isWeak(sniffed) || mayBeKeptIn(declared, sniffed) || this.takes(sniffed);
  }

  private takes(sniffed: string): boolean {
    return this.allows(sniffed) || this.allowed.some((type) => agree(type, sniffed));
  }

  private allows(essence: string): boolean {
    return (
      this.unrestricted ||
      namesOf(essence).some((name) => this.allowed.includes(name) || this.allowed.includes(rangeOf(name)))
    );
  }
}

function rangeOf(type: string): string {
  return `${type.split('/', 1)[0]}/*`;
}

function unsupported(detail: string): ServiceError {
  return new ServiceError('UNSUPPORTED_MEDIA_TYPE', detail);
}
