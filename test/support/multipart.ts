/** One part of a form, in the order in which it is sent. */
export interface Part {
  readonly name: string;
  readonly value: string | Buffer;
  readonly filename?: string;
  readonly contentType?: string;
}

export const BOUNDARY = 'test-boundary-0123456789';

/** A multipart/form-data body as a browser writes it. */
export function multipart(parts: readonly Part[], boundary = BOUNDARY): Buffer {
  const chunks = parts.flatMap(({ name, value, filename, contentType }) => [
    `--${boundary}\r\nContent-Disposition: form-data; name="${name}"`,
    filename === undefined ? '' : `; filename="${filename}"`,
    contentType === undefined ? '' : `\r\nContent-Type: ${contentType}`,
    '\r\n\r\n',
    value,
    '\r\n',
  ]);
  return Buffer.concat([...chunks, `--${boundary}--\r\n`].map((chunk) => Buffer.from(chunk)));
}

export const MULTIPART_TYPE = `multipart/form-data; boundary=${BOUNDARY}`;

/** The file part that most tests send. */
export function filePart(value: string | Buffer = 'hello', filename = 'a.txt'): Part {
  return { name: 'file', value, filename, contentType: 'text/plain' };
}
