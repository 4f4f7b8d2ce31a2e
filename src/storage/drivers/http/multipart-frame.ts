import { randomUUID } from 'node:crypto';

/** Text parts in the order in which they are sent; one without a value is left out. */
export type TextParts = Readonly<Record<string, string | null>>;

export interface FilePart {
  readonly filename: string;
  readonly contentType: string;
}

/** What stands before and behind the file in a `multipart/form-data` body (RFC 7578). */
export class MultipartFrame {
  readonly contentType: string;
  readonly prefix: Buffer;
  readonly suffix: Buffer;

  constructor(parts: TextParts, file: FilePart) {
    const boundary = `ingester-${randomUUID()}`;
    this.contentType = `multipart/form-data; boundary=${boundary}`;
    this.prefix = Buffer.from(prefixOf(boundary, parts, file));
    this.suffix = Buffer.from(`\r\n--${boundary}--\r\n`);
  }
}

function prefixOf(boundary: string, parts: TextParts, file: FilePart): string {
  const texts = Object.entries(parts).map(([name, value]) =>
    value === null
      ? ''
      : `--${boundary}\r\nContent-Disposition: form-data; name="${quoted(name)}"\r\n\r\n${value}\r\n`,
  );
  const disposition = `form-data; name="file"; filename="${quoted(file.filename)}"`;
  const head = `Content-Disposition: ${disposition}\r\nContent-Type: ${headerValue(file.contentType)}`;
  return `${texts.join('')}--${boundary}\r\n${head}\r\n\r\n`;
}

/**
 * RFC 7578 section 4.2 as browsers do it: UTF-8 as it stands, and only what would end the name is encoded. But a
 * backslash is doubled, since what elements are built with (the libraries of Go and Python) takes it for an escape: Go
 * cannot read a part whose name ends in a single one.
 */
function quoted(name: string): string {
  return name.replaceAll('\\', '\\\\').replaceAll('\r', '%0D').replaceAll('\n', '%0A').replaceAll('"', '%22');
}

/** A media type that does not fit into one header line would be a header of its own. */
function headerValue(contentType: string): string {
  return /^[\t\x20-\x7e]+$/.test(contentType) ? contentType : 'application/octet-stream';
}
