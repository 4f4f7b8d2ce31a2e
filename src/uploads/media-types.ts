import { fileTypeFromBuffer } from 'file-type';
import { ServiceError } from '../errors/service-error.js';

/** Bytes at the beginning of a file in which its type is looked for. */
export const SNIFF_BYTES = 4100;

/** Which file types are taken: `image/png`, `image/*`. An empty list takes all. */
export class MediaTypes {
  private readonly allowed: readonly string[];

  constructor(allowed: readonly string[]) {
    this.allowed = allowed.map((type) => type.toLowerCase());
  }

  get unrestricted(): boolean {
    return this.allowed.length === 0;
  }

  /** @throws UNSUPPORTED_MEDIA_TYPE */
  checkDeclared(contentType: string): void {
    const essence = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
    if (!this.allows(essence)) throw unsupported(`The file is declared as ${JSON.stringify(essence)}`);
  }

  /**
   * Looks at the bytes themselves. Many types, plain text among them, have no signature: there the declared
   * type stands alone.
   * @throws UNSUPPORTED_MEDIA_TYPE
   */
  async checkSniffed(head: Buffer): Promise<void> {
    const sniffed = await fileTypeFromBuffer(head);
    if (sniffed && !this.allows(sniffed.mime)) throw unsupported(`The bytes of the file are ${sniffed.mime}`);
  }

  private allows(essence: string): boolean {
    const range = `${essence.split('/', 1)[0]}/*`;
    return this.unrestricted || this.allowed.includes(essence) || this.allowed.includes(range);
  }
}

function unsupported(finding: string): ServiceError {
  return new ServiceError('UNSUPPORTED_MEDIA_TYPE', `${finding}, which is not among the types taken.`);
}
